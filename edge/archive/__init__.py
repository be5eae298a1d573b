"""Archives: many pictures, read by many workers, into files that a notebook opens.

listing   which pictures there are        reading   a picture, in a child process
batches   a batch of them, in a worker    journal   what is done, through a kill at any point
parts     rows -> Parquet, CSV, JSON      run       all together
"""
