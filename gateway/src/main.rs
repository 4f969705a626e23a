//! The program `api-gateway`.

fn main() -> std::process::ExitCode {
    mall_service::run::<mall_gateway::ApiGateway>()
}
