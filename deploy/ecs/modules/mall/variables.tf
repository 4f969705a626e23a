variable "name" {
  description = "In front of every name: mall-staging, mall-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,18}$", var.name))
    error_message = "Small letters, digits and dashes, 3 to 19 of them: load balancers take no longer names."
  }
}

variable "region" {
  type = string
}

variable "account_id" {
  type = string
}

variable "profile" {
  description = "spring.profiles.active: which application-<profile>.yml of the store counts. Not `local`, which lets demo secrets pass."
  type        = string

  validation {
    condition     = !contains(split(",", var.profile), "local")
    error_message = "The profile local is for one machine."
  }
}

variable "images" {
  description = "Program (and `audit`) to its image by digest, as bin/build-push writes it. Only the first revision of a task definition is made from it."
  type        = map(string)
}

variable "repository_prefix" {
  description = "Of the repositories in ECR: <prefix>/<program>."
  type        = string
  default     = "mall"
}

variable "architecture" {
  type    = string
  default = "ARM64"
}

variable "running" {
  description = "false for the very first apply: services without tasks, until schemas and migrations are there."
  type        = bool
  default     = true
}

variable "network" {
  type = object({
    cidr         = string
    zones        = list(string)
    nat_per_zone = bool
  })
}

variable "certificate_arn" {
  type = string
}

variable "address" {
  description = "https://..., the mall as shoppers see it; it stands in mails."
  type        = string

  validation {
    condition     = startswith(var.address, "https://")
    error_message = "https://..."
  }
}

variable "allowed_origins" {
  description = "Origins whose browsers may call."
  type        = list(string)
  default     = []
}

variable "requests_per_address" {
  type    = number
  default = 6000
}

variable "sizes" {
  description = "Of tasks: for programs on the way of an order, and for the others."
  type        = map(object({ cpu = number, memory = number }))
  default = {
    small = { cpu = 256, memory = 512 }
    large = { cpu = 512, memory = 1024 }
  }
}

variable "tasks_min" {
  type    = number
  default = 2
}

variable "tasks_max" {
  type    = number
  default = 4
}

variable "programs" {
  description = "What is otherwise for one program."
  type = map(object({
    cpu         = optional(number)
    memory      = optional(number)
    tasks_min   = optional(number)
    tasks_max   = optional(number)
    environment = optional(map(string), {})
    secrets     = optional(map(string), {})
  }))
  default = {}
}

variable "database" {
  type = object({
    instance_class       = string
    storage_gib          = number
    multi_az             = bool
    backup_days          = number
    performance_insights = bool
    max_connections      = number
    connections_per_task = optional(number, 16)
  })
}

variable "database_ca" {
  description = "Certificates (PEM) of RDS in this region. Empty: the line is encrypted, but who answers is not checked."
  type        = string
}

variable "mysql_client_image" {
  description = "Runs once in a while to make schemas and users."
  type        = string
  default     = "public.ecr.aws/docker/library/mysql:8.4"
}

variable "redis_client_image" {
  description = "Empties Redis when that must be. Needs redis-cli with TLS, and the well-known authorities in /etc/ssl/cert.pem, as Alpine has them."
  type        = string
  default     = "public.ecr.aws/docker/library/redis:7-alpine"
}

variable "redis" {
  type = object({
    node_type = string
    nodes     = number
  })
}

variable "redis_auth_token" {
  type      = string
  sensitive = true
}

variable "redis_auth_token_update" {
  type    = string
  default = "ROTATE"
}

variable "mail" {
  type = object({
    host     = string
    port     = number
    from     = string
    starttls = bool
  })
}

variable "drops" {
  description = "Limited editions that open. Half an hour before, the programs get `times` their least number of tasks; until it closes, nothing is deployed."
  type = map(object({
    opens_at  = string
    closes_at = string
    times     = number
  }))
  default = {}
}

variable "log_days" {
  type = number
}

variable "alarm_mails" {
  type = list(string)
}

variable "deletion_protection" {
  description = "What holds data, and what the world points at, refuses to be deleted."
  type        = bool
}

variable "github" {
  type = object({
    sub_prefix        = string
    environment       = string
    oidc_provider_arn = string
  })
}
