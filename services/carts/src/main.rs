fn main() -> std::process::ExitCode {
    mall_service::run::<mall_carts::Carts>()
}
