//! The registry program.

fn main() -> std::process::ExitCode {
    mall_service::run::<mall_registry::Registry>()
}
