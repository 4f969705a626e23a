# What must be true of an environment, each rule once. `tests/examples.tftest.hcl` hands over `posture` of the module `mall`, and wants
# `broken` to be empty; for an environment of yours, add two runs there.

terraform {
  required_version = ">= 1.11"
}

variable "kind" {
  description = "production survives a zone; staging is small, and as strict where it costs nothing."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.kind)
    error_message = "staging or production."
  }
}

variable "posture" {
  description = "The output of that name of modules/mall."
  type = object({
    database_in_two_zones = bool
    database_is_verified  = bool
    redis_fails_over      = bool
    zones                 = number
    ways_out              = number
    tasks_min             = map(number)
    tasks_max             = map(number)
    connections_at_most   = number
    max_connections       = number
    backup_days           = number
    log_days              = number
    people_told           = number
    deletion_protection   = bool
    unpinned_images       = list(string)
  })
}

locals {
  posture = var.posture
  others  = [for program in keys(var.posture.tasks_min) : program if program != "registry"]

  everywhere = {
    "Programs check who answers as MySQL"                          = local.posture.database_is_verified
    "MySQL can be restored to a point in time"                     = local.posture.backup_days >= 1
    "All tasks together take at most 80 % of MySQL's connections"  = local.posture.connections_at_most <= 0.8 * local.posture.max_connections
    "There is one registry: two would each know half of the mall"  = local.posture.tasks_min["registry"] == 1 && local.posture.tasks_max["registry"] == 1
    "Every image is named by its digest"                           = length(local.posture.unpinned_images) == 0
    "Logs are kept for a week"                                     = local.posture.log_days >= 7
    "Somebody is told of alarms"                                   = local.posture.people_told >= 1
    "No program has fewer tasks at most than it has at least"      = alltrue([for program, most in local.posture.tasks_max : most >= local.posture.tasks_min[program]])
    "Tasks can be in two zones: the load balancer wants that, too" = local.posture.zones >= 2
  }

  production = {
    "MySQL has a second zone"                           = local.posture.database_in_two_zones
    "Redis fails over"                                  = local.posture.redis_fails_over
    "Each zone has its own way out"                     = local.posture.ways_out == local.posture.zones
    "No program runs once, but the registry"            = alltrue([for program in local.others : local.posture.tasks_min[program] >= 2])
    "Data is not deleted by mistake"                    = local.posture.deletion_protection
    "A mistake that is found after a week is undone"    = local.posture.backup_days >= 7
    "Logs are there when a buyer complains, a month on" = local.posture.log_days >= 30
  }

  staging = {
    "One way out is enough"               = local.posture.ways_out == 1
    "One task of each program is enough"  = alltrue([for least in values(local.posture.tasks_min) : least == 1])
    "It can be taken away and made again" = !local.posture.deletion_protection
    "One database instance is enough"     = !local.posture.database_in_two_zones
  }

  rules = merge(local.everywhere, var.kind == "production" ? local.production : local.staging)
}

output "broken" {
  description = "The rules that do not hold."
  value       = sort([for rule, holds in local.rules : rule if !holds])
}

output "kept" {
  value = length(local.rules)
}
