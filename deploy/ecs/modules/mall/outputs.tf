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
  description = "What policies/ judges."
  value = {
    database_in_two_zones = var.database.multi_az
    database_is_verified  = var.database_ca != ""
    redis_fails_over      = var.redis.nodes > 1
    zones                 = length(var.network.zones)
    ways_out              = var.network.nat_per_zone ? length(var.network.zones) : 1
    tasks_min             = { for program, one in local.programs : program => one.tasks_min }
    tasks_max             = { for program, one in local.programs : program => one.tasks_max }
    connections_at_most   = sum([for one in values(local.programs) : one.tasks_max if one.mysql]) * var.database.connections_per_task
    max_connections       = var.database.max_connections
    backup_days           = var.database.backup_days
    log_days              = var.log_days
    people_told           = length(var.alarm_mails)
    deletion_protection   = var.deletion_protection
    unpinned_images       = [for program, image in var.images : program if !can(regex("@sha256:[0-9a-f]{64}$", image))]
  }
}
