"""`digitcam serve`: the web page, the REST API and the live view. It needs the extra `web`."""
