# make run                    read live from the simulated camera for some seconds
# make run SOURCE=picamera    read live from the Raspberry Pi's camera until Ctrl-C
# make test                   install what the tests need and run them all
# make test-runtime           run the runtime's tests only, without TensorFlow (PYTHON=python3.13 VENV=.venv-3.13)
# make test-legacy            run the runtime's tests on tflite-runtime 2.14, numpy 1 and OpenCV 4.11 (Python 3.11)
# make pi-lab                 run the wheel where it is almost a Raspberry Pi (root, Debian; tests/pi/README.md)
# make home-assistant         try digitcam in the real Home Assistant (Python 3.13; HOME_ASSISTANT=/path/to/it)
# make uplot                  fetch the page's plotting library from npm again (UPLOT=1.6.33 for another version)
# make check                  lint, types, import contracts and shell scripts

SOURCE ?= demo
# A camera module needs the system's Python, which alone sees libcamera: an environment of its own.
VENV ?= $(if $(filter picamera%,$(SOURCE)),.venv-picamera,.venv)
PYTEST_ARGS ?=
PARTS ?=
HOME_ASSISTANT ?= python3.13
UPLOT ?= 1.6.32

BIN = $(VENV)/bin

.PHONY: run test test-runtime test-legacy pi-lab home-assistant uplot check clean

run: $(VENV)/.runtime
	$(BIN)/digitcam run $(SOURCE) $(if $(filter demo,$(SOURCE)),--seconds 10) --save out/last-frame.png

test: $(VENV)/.tests
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

test-runtime: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

test-legacy: .venv-legacy/.legacy
	.venv-legacy/bin/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

pi-lab: $(VENV)/.tests
	PYTHON=$(CURDIR)/$(BIN)/python bash tests/pi/run.sh $(PARTS)

home-assistant: $(VENV)/.tests .venv-ha/.installed
	HOME_ASSISTANT_PYTHON=$(CURDIR)/.venv-ha/bin/python $(BIN)/python -m pytest $(PYTEST_ARGS) tests/home_assistant

# npm checks what it fetches by the registry's digest; nothing of the package is run.
uplot:
	rm -rf out/uplot && mkdir -p out/uplot
	cd out/uplot && npm pack --silent uplot@$(UPLOT) && tar -xzf uplot-$(UPLOT).tgz
	cd out/uplot/package && cp LICENSE package.json dist/uPlot.esm.js dist/uPlot.min.css $(CURDIR)/edge/server/page/uplot/

check: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck deploy/*.sh

clean:
	rm -rf .venv .venv-* out build dist *.egg-info

$(VENV)/.runtime: pyproject.toml deploy/make-venv.sh
	sh deploy/make-venv.sh $(VENV) "" $(filter picamera%,$(SOURCE))
	touch $@

$(VENV)/.tests: pyproject.toml deploy/make-venv.sh
	sh deploy/make-venv.sh $(VENV) "[dev,workstation]"
	touch $@ $(VENV)/.runtime

$(VENV)/.dev: pyproject.toml deploy/make-venv.sh
	sh deploy/make-venv.sh $(VENV) "[dev]"
	touch $@

# Without its dependencies, which name LiteRT: here tflite-runtime must be the only runtime.
.venv-legacy/.legacy: pyproject.toml
	python3.11 -m venv .venv-legacy
	.venv-legacy/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	.venv-legacy/bin/pip install --quiet --disable-pip-version-check \
		tflite-runtime==2.14.0 "numpy==1.26.*" "opencv-python-headless==4.11.*" pillow flatbuffers rich av \
		fastapi fastapi-offline "uvicorn<0.55" websockets "python-multipart>=0.0.32" prometheus-client tomlkit "pillow-heif>=1.1" \
		"paho-mqtt>=2.1" httpx pytest pytest-xdist
	touch $@

# An environment of its own: it pins hundreds of packages. Of its integrations, only what those need that it always starts.
# Its Python 3.13.2 is asked for by its start script; 3.13.0 has all that it uses.
.venv-ha/.installed: tests/home_assistant/requirements.txt
	$(HOME_ASSISTANT) -m venv .venv-ha
	.venv-ha/bin/pip install --quiet --disable-pip-version-check --ignore-requires-python --no-deps \
		$$(grep ^homeassistant== $<)
	.venv-ha/bin/pip install --quiet --disable-pip-version-check --ignore-requires-python --requirement $< \
		--constraint $$(ls .venv-ha/lib/python3*/site-packages/homeassistant/package_constraints.txt)
	touch $@
