/// A request costs the C library's allocator far more than this one: see ARCHITECTURE.md, "Every program's life".
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    mall_service::run::<mall_products::ProductsApp>()
}
