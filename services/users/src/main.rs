fn main() -> std::process::ExitCode {
    mall_service::run_with::<mall_users::Users, mall_users::Seed>()
}
