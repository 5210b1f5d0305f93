//! Compiles the pages, with their translations bundled.

fn main() {
    let configuration = slint_build::CompilerConfiguration::new()
        .with_style("fluent-dark".into())
        .with_bundled_translations("lang")
        // One translation serves wherever the same word stands; where it must not, `@tr` gives a context.
        .with_default_translation_context(slint_build::DefaultTranslationContext::None)
        // Tests find elements by their accessible labels, which needs to know where they stand.
        .with_debug_info(true);
    if let Err(error) = slint_build::compile_with_config("app.slint", configuration) {
        println!("cargo::error={error}");
    }
}
