output "repositories" {
  value = module.ecr.repositories
}

output "build_role" {
  description = "The variable BUILD_ROLE of the GitHub environment `build`."
  value       = one(values(module.github.role_arns))
}

output "oidc_provider_arn" {
  value = module.github.provider_arn
}
