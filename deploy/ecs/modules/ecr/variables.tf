variable "prefix" {
  type = string
}

variable "programs" {
  type = set(string)
}

variable "keep" {
  description = "Images of each program, attestations included."
  type        = number
  default     = 200
}
