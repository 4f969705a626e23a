variable "name" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnets" {
  type = list(string)
}

variable "clients_security_group" {
  type = string
}

variable "node_type" {
  type = string
}

variable "nodes" {
  description = "A primary and its replicas; more than one fails over by itself."
  type        = number
}

variable "auth_token" {
  description = "The password. It stands in the state, as the provider knows no other way: keep the state encrypted."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.auth_token) >= 32
    error_message = "At least 32 characters: bin/secrets makes one."
  }
}

variable "auth_token_update" {
  description = "ROTATE lets the password before the last one in as well, SET ends it."
  type        = string
  default     = "ROTATE"

  validation {
    condition     = contains(["ROTATE", "SET"], var.auth_token_update)
    error_message = "ROTATE or SET."
  }
}
