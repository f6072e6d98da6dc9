# Every verb is implemented once, in tools/house.py; without make: python3 tools/house.py <verb>
PYTHON ?= python3
ARGS ?=
VERB = @$(PYTHON) tools/house.py $@ $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help run rehearse test check fix bench bench-draw bench-invitations bench-media soak soak-invitations soak-media soak-trust migrate ci screenshots lock clean

help: ## List the verbs
	$(VERB)
run: ## Set everything up and serve on localhost, with sign-in links and, the first time, a live rehearsal
	$(VERB)
rehearse: ## Conduct one whole evaluation unattended and report
	$(VERB)
test: ## Run every test, in a real Chromium too; ARGS go to pytest
	$(VERB)
check: ## Formatting, lint, types, import contracts, dependencies, Dockerfile, hygiene; reports all
	$(VERB)
fix: ## Mend what can be mended by itself: formatting, simple lint, the generated settings page
	$(VERB)
bench: ## Measure what must stay fast, everything there is
	$(VERB)
bench-draw: ## Measure the draw against its targets and a peer; ARGS="--quick" leaves out the longest
	$(VERB)
bench-invitations: ## Measure calls and texts against their targets; ARGS="--quick" takes smaller numbers
	$(VERB)
bench-media: ## Measure recordings beside aiortc's recorder, Janus and the floor; ARGS="--quick" takes shorter runs
	$(VERB)
soak: ## Run the long and the destructive tests
	$(VERB)
soak-invitations: ## Fill 10,000 places through a failing provider and killed nodes, on both databases; takes a long time
	$(VERB)
soak-media: ## Record through loss, outages, kills and attacks, and for an hour; takes a long time
	$(VERB)
soak-trust: ## Attack the trail, look for names before their time, send 50,000 hostile requests; takes a long time
	$(VERB)
migrate: ## Bring the database to the newest schema
	$(VERB)
ci: ## Exactly what continuous integration runs
	$(VERB)
screenshots: ## Photograph the pages in both languages into var/screenshots
	$(VERB)
lock: ## Resolve the dependencies anew and pin them by hash; ARGS go to uv (--upgrade)
	$(VERB)
clean: ## Remove everything that was set up or built; the data in var/ stays
	$(VERB)
