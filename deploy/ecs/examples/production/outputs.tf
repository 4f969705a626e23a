output "load_balancer" {
  value = module.mall.load_balancer
}

output "deploy_role" {
  value = module.mall.deploy_role
}

output "deploy_parameter" {
  value = module.mall.deploy_parameter
}

output "posture" {
  description = "What ../../policies judges."
  value       = module.mall.posture
}
