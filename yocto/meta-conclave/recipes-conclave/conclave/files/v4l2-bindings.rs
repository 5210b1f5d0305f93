// Takes the place of v4l2-sys-mit's build.rs, whose bindgen 0.65 makes structs without fields, and no error, with this
// release's clang 22. OpenEmbedded's own bindgen knows that clang; BINDGEN_EXTRA_CLANG_ARGS tells it the target.
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let bindings = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("v4l2_bindings.rs");
    let status = Command::new("bindgen").arg("wrapper.h").arg("--output").arg(bindings).status();
    assert!(status.expect("bindgen is among the recipe's native tools").success(), "bindgen failed");
}
