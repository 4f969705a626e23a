# shellcheck shell=bash
# use_local_providers FILE: where an AWS provider lies on this machine, Terraform takes that one and asks no registry: FILE becomes
# its configuration. TERRAFORM_PROVIDERS names the folder that holds registry.terraform.io/hashicorp/aws/...

use_local_providers() {
  local folder
  for folder in "${TERRAFORM_PROVIDERS:-}" "$HOME/.terraform.d/plugins" /usr/local/share/terraform/plugins /opt/tf-plugins; do
    if [ -n "$folder" ] && [ -d "$folder/registry.terraform.io/hashicorp/aws" ]; then
      printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$folder" >"$1"
      export TF_CLI_CONFIG_FILE=$1
      return
    fi
  done
  # A variable that points at no file makes every command complain.
  if [ -n "${TF_CLI_CONFIG_FILE:-}" ] && [ ! -f "$TF_CLI_CONFIG_FILE" ]; then unset TF_CLI_CONFIG_FILE; fi
}
