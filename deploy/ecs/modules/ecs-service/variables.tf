variable "name" {
  description = "Of the mall: in front of every name."
  type        = string
}

variable "program" {
  type = string
}

variable "region" {
  type = string
}

variable "account_id" {
  type = string
}

variable "image" {
  description = "By digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image is named by its digest: repository@sha256:..."
  }
}

variable "repository_arn" {
  type = string
}

variable "architecture" {
  description = "ARM64 or X86_64: what the images were built for."
  type        = string
}

variable "cpu" {
  description = "1024 is one core; some of it is Service Connect's."
  type        = number
}

variable "memory" {
  description = "MiB; 64 of them are Service Connect's."
  type        = number
}

variable "port" {
  type = number
}

variable "environment" {
  type = map(string)
}

variable "secrets" {
  description = "Variable to secret, or to one field of it (arn:field::)."
  type        = map(string)
}

variable "migrates" {
  description = "Whether it owns a schema."
  type        = bool
}

variable "singleton" {
  description = "Never two at once, not even during a deploy."
  type        = bool
  default     = false
}

variable "running" {
  description = "false before the first deploy: no task starts on a database without schemas."
  type        = bool
}

variable "tasks_min" {
  type = number
}

variable "tasks_max" {
  type = number
}

variable "drops" {
  description = "Limited editions that open: when the crowd comes, when it is gone, and how many times the least number of tasks it wants."
  type = map(object({
    opens_at  = string
    closes_at = string
    times     = number
  }))
}

variable "cluster_arn" {
  type = string
}

variable "cluster_name" {
  type = string
}

variable "namespace_arn" {
  type = string
}

variable "found_by_name" {
  description = "Whether Service Connect names it to the others."
  type        = bool
  default     = false
}

variable "subnets" {
  type = list(string)
}

variable "security_groups" {
  type = list(string)
}

variable "target_group_arn" {
  type    = string
  default = null
}

variable "log_group" {
  type = string
}

variable "log_group_arn" {
  type = string
}

variable "rollback_alarms" {
  description = "Alarms that take a deployment back while it runs."
  type        = list(string)
}

variable "keep_revisions" {
  description = "Whether task definitions outlive what made them."
  type        = bool
}
