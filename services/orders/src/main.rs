fn main() -> std::process::ExitCode {
    mall_service::run::<mall_orders::OrderService>()
}
