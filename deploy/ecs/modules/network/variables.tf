variable "name" {
  description = "In front of every name."
  type        = string
}

variable "region" {
  type = string
}

variable "cidr" {
  description = "Addresses of the network, a /16."
  type        = string
}

variable "zones" {
  description = "Availability zones; given, not asked for, so that a plan never changes by itself."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2
    error_message = "The load balancer and the databases want two zones at least."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone, not one for all."
  type        = bool
}
