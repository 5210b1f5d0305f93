# Every target installs the Debian packages that it needs through scripts/deps.sh, which names them.
CARGO := cargo
# One package selection for every build: with another one, cargo would build the dependencies again with other features.
ALL := --workspace --exclude conclave-no-std-check
# The demonstration, and the programs that it starts, without the touch screen, which would take most of the time.
DEMO := --package conclave-demo --package conclave-relay --package conclave-endpoint --no-default-features
export CARGO_TERM_QUIET ?= false

.PHONY: demo run screenshots test stories bench hostile fuzz lint vm doc deb test-deb cross test-cross image vm-image clean

# A relay and two endpoints in one room for ten seconds; reports whether each saw and heard the other. With
# IN=scripts/vm/run it uses the virtual machine's camera and sound card.
demo:
	@scripts/deps.sh build
	@$(CARGO) build --locked $(DEMO)
	@$(IN) target/debug/conclave-demo

# The touch screen's program in a window, or directly on the screen if there is no display server.
run:
	@scripts/deps.sh build screen
	@$(CARGO) build --locked $(ALL) --bins
	@target/debug/conclave-endpoint $(ARGS)

# Every page in three sizes and both themes, into docs/screenshots.
screenshots:
	@scripts/deps.sh build screen
	@$(CARGO) build --locked $(ALL) --example screenshots
	@target/debug/examples/screenshots docs/screenshots

# All tests; those that need cameras and sound cards run in the virtual machine. Reports how many ran, and where.
test:
	@scripts/test

# Runs CMD under a kernel of its own with real drivers: make vm CMD='v4l2-ctl --list-devices'. See docs/vm.md.
vm:
	@scripts/deps.sh build vm
	@$(CARGO) build --locked $(ALL) --bins
	@scripts/vm/run $(or $(CMD),scripts/vm/selftest.sh)

# The cost of forwarding, sealing and capturing, compared with a floor or another program. docs/benchmarks.md has
# results.
bench:
	@scripts/deps.sh build screen test bench vm
	@scripts/bench/all

# Every story of a call with every outage at every step; `make test` plays a part of them. STORY=NAME plays one aloud.
stories:
	@scripts/deps.sh build screen test
	@CONCLAVE_STORIES=all $(if $(STORY),CONCLAVE_STORY='$(STORY)') $(CARGO) test --locked $(ALL) --lib engine::stories -- --nocapture

# An hour of every attack that the limits allow, beside a call of four, by the virtual machine's clock; it takes some
# minutes.
hostile:
	@scripts/deps.sh build vm
	@$(CARGO) build --locked $(ALL) --bins
	@scripts/hostile $(or $(SECONDS),3600) $(or $(ROUNDS),4)

# Searches for input that makes a parser or state machine fail: make fuzz TARGET=all SECONDS=60.
fuzz:
	@scripts/deps.sh build
	@protocol/fuzz/run $(or $(TARGET),all) $(or $(SECONDS),60)

# Debian packages of the programs and the kiosk: make deb WHICH=relay PROFILE=dev; for a board with ARCH=arm64 or
# ARCH=armhf.
deb:
	@scripts/deps.sh build deb $(if $(ARCH),cross)
	@ARCH=$(ARCH) PROFILE=$(or $(PROFILE),release) scripts/deb $(WHICH)

# Tests whether a clean Debian installs, runs, upgrades and purges the packages; as root.
test-deb:
	@PROFILE=$(or $(PROFILE),release) scripts/test-deb $(WHICH)

# The programs for a board: make cross TARGET=aarch64-unknown-linux-gnu WHICH=relay ENGINE=none. See docs/cross.md.
cross:
	@ENGINE=$(ENGINE) PROFILE=$(or $(PROFILE),release) cross/build $(or $(TARGET),aarch64-unknown-linux-gnu) $(WHICH)

# Tests whether they build for every board and run in qemu, including a call with this machine's own programs.
test-cross:
	@scripts/deps.sh build test
	@$(CARGO) build --locked $(ALL) --bins
	@cross/test-all

# A kiosk's disk image for 64-bit ARM boards with UEFI; as root. See docs/image.md.
image:
	@scripts/deps.sh build deb cross image
	@scripts/image/build $(OUT)

# Boots it under emulation: idle page, call, power cut. STEPS='idle refused stick call cuts=10 watchdog rollback'.
vm-image:
	@scripts/deps.sh build vm-image
	@$(CARGO) build --locked $(ALL) --bins
	@scripts/image/vm-image $(STEPS)

# The form of everything here: make lint GATES='shell typos'. scripts/lint --list names the gates.
lint:
	@CARGO=$(CARGO) scripts/lint $(GATES)

# The documentation of the code, in target/doc.
doc:
	@scripts/deps.sh build
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

clean:
	@$(CARGO) clean
