fn main() -> std::process::ExitCode {
    mall_service::run::<mall_users::Users>()
}
