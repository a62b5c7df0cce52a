# 阳光开标 sunbid. `make help` lists the targets.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
AT_ONCE ?= -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo up test test-fast lint format bench soak lock system clean

help: ## 列出全部目标 / list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The lock is hashed and names no index; uv lives inside the venv so nothing outside it is touched. Libraries are compiled
# once, here: where Python may not write bytecode, every command would otherwise compile them anew, two seconds each.
$(VENV)/.stamp: requirements.lock pyproject.toml streaming/fanout/native_build.py $(wildcard streaming/fanout/*.c messages/*.po) web/package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit("需要 Python 3.11 或更新版本 / Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m messages.build
	@$(BIN)/python -m streaming.fanout.native_build || echo "没有可用的 C 编译器：改用免编译的转发路径 / no C compiler: using the path that needs none"
	@if ! command -v npm > /dev/null; then echo "没有 npm：跳过 hls.js，准实时画面用浏览器自带的播放器 / no npm: without hls.js, near-real-time pictures use the browser's own player"; \
	elif ! npm ci --prefix web --ignore-scripts --no-audit --no-fund --silent; then echo "npm 未能取得 hls.js：准实时画面用浏览器自带的播放器 / npm could not fetch hls.js: near-real-time pictures use the browser's own player"; fi
	@touch $@

demo: $(VENV)/.stamp ## 演示：一条命令看到全部 / the demonstration market, rooms on air
	@exec $(BIN)/sunbid demo

up: $(VENV)/.stamp ## 启动全部进程 / run the four processes
	@exec $(BIN)/sunbid up

system: ## 测试所需的系统软件包 / Debian packages the tests need
	@bash tests/system-packages.sh

# Whole files each: one worker begins with browsers, one with servers (tests/schedule.py). A third, `-n 3`, makes it shorter where the
# machine is idle, and what is timed in a browser fails where it is not.
test: $(VENV)/.stamp system ## 全部测试 / the whole suite
	$(BIN)/python -m pytest $(AT_ONCE)

test-fast: $(VENV)/.stamp ## 不含浏览器与服务器的测试 / without browser, server and soak tests
	$(BIN)/python -m pytest $(AT_ONCE) -m "not browser and not server and not soak"

soak: $(VENV)/.stamp system ## 长时间测试 / the long forms
	$(BIN)/python -m pytest -m soak --timeout 3600

lint: $(VENV)/.stamp ## ruff、mypy --strict、包之间的箭头 / ruff, mypy --strict, the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.stamp ## 整理代码 / format the code
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.stamp ## 基准 / the benchmarks
	@for name in fanout latency feed screens scan intake warning record; do $(BIN)/sunbid bench $$name || exit 1; done

lock: ## 重新生成带哈希的锁 / regenerate the hashed lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --extra dev --python-version 3.11 pyproject.toml -o requirements.lock

clean: ## 删除环境与构建产物，不动数据 / remove the environment and what was built, never data
	rm -rf $(VENV) build *.egg-info web/node_modules .mypy_cache .ruff_cache .pytest_cache
