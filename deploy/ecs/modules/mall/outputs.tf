output "load_balancer" {
  description = "Where the mall's name must point."
  value       = module.alb.dns_name
}

output "deploy_role" {
  description = "The variable DEPLOY_ROLE of the GitHub environment."
  value       = one(values(module.github.role_arns))
}

output "deploy_parameter" {
  value = aws_ssm_parameter.deploy.name
}

output "alarms" {
  value = module.observability.alarm_names
}

output "posture" {
  description = "What tests of an environment look at."
  value = {
    database_in_two_zones = var.database.multi_az
    database_is_verified  = var.database_ca != ""
    redis_fails_over      = var.redis.nodes > 1
    ways_out              = var.network.nat_per_zone ? length(var.network.zones) : 1
    tasks_min             = { for program, one in local.programs : program => one.tasks_min }
    backup_days           = var.database.backup_days
    deletion_protection   = var.deletion_protection
  }
}
