# The whole mall in one environment: see README.md beside modules/ for how it is put together and why.

module "network" {
  source       = "../network"
  name         = var.name
  region       = var.region
  cidr         = var.network.cidr
  zones        = var.network.zones
  nat_per_zone = var.network.nat_per_zone
}

module "alb" {
  source                 = "../alb"
  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnets                = module.network.public_subnets
  certificate_arn        = var.certificate_arn
  gateway_security_group = aws_security_group.this["gateway"].id
  gateway_port           = local.programs["gateway"].port
  deletion_protection    = var.deletion_protection
  requests_per_address   = var.requests_per_address
}

module "cluster" {
  source = "../ecs-cluster"
  name   = var.name
}

module "secrets" {
  source        = "../secrets"
  name          = var.name
  secrets       = local.secrets
  recovery_days = var.deletion_protection ? 7 : 0
}

module "rds" {
  source                 = "../rds"
  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnets                = module.network.private_subnets
  clients_security_group = aws_security_group.this["mysql-clients"].id
  instance_class         = var.database.instance_class
  storage_gib            = var.database.storage_gib
  multi_az               = var.database.multi_az
  backup_days            = var.database.backup_days
  performance_insights   = var.database.performance_insights
  deletion_protection    = var.deletion_protection
}

module "redis" {
  source                 = "../redis"
  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnets                = module.network.private_subnets
  clients_security_group = aws_security_group.this["redis-clients"].id
  node_type              = var.redis.node_type
  nodes                  = var.redis.nodes
  auth_token             = var.redis_auth_token
  auth_token_update      = var.redis_auth_token_update
}

module "observability" {
  source               = "../observability"
  name                 = var.name
  region               = var.region
  programs             = toset(concat(keys(local.programs), ["database-setup", "audit", "empty-redis"]))
  tasks_min            = { for program, one in local.programs : program => one.tasks_min }
  log_days             = var.log_days
  alarm_mails          = var.alarm_mails
  cluster_name         = module.cluster.name
  alb                  = module.alb.arn_suffix
  target_group         = module.alb.target_group_arn_suffix
  database             = module.rds.identifier
  database_connections = var.database.max_connections
  redis_members        = module.redis.members
}

# --- Programs. The order is one of start, too: a task knows by name only what Service Connect knew when its deployment began, so
# the two that are found by name exist before the others.

module "config_server" {
  source          = "../ecs-service"
  program         = "config-server"
  found_by_name   = true
  image           = var.images["config-server"]
  port            = local.programs["config-server"].port
  cpu             = local.programs["config-server"].cpu
  memory          = local.programs["config-server"].memory
  tasks_min       = local.programs["config-server"].tasks_min
  tasks_max       = local.programs["config-server"].tasks_max
  environment     = local.environment["config-server"]
  secrets         = local.environment_secrets["config-server"]
  migrates        = false
  security_groups = [aws_security_group.this["tasks"].id]
  rollback_alarms = [module.observability.error_alarms["config-server"]]
  log_group       = module.observability.log_groups["config-server"]
  log_group_arn   = module.observability.log_group_arns["config-server"]
  repository_arn  = local.repository_arns["config-server"]

  name           = var.name
  region         = var.region
  account_id     = var.account_id
  architecture   = var.architecture
  running        = var.running
  drops          = {}
  cluster_arn    = module.cluster.arn
  cluster_name   = module.cluster.name
  namespace_arn  = module.cluster.namespace_arn
  subnets        = module.network.private_subnets
  keep_revisions = var.deletion_protection
}

module "registry" {
  source          = "../ecs-service"
  program         = "registry"
  found_by_name   = true
  singleton       = true
  image           = var.images["registry"]
  port            = local.programs["registry"].port
  cpu             = local.programs["registry"].cpu
  memory          = local.programs["registry"].memory
  tasks_min       = 1
  tasks_max       = 1
  environment     = local.environment["registry"]
  secrets         = local.environment_secrets["registry"]
  migrates        = false
  security_groups = [aws_security_group.this["tasks"].id]
  rollback_alarms = [module.observability.error_alarms["registry"]]
  log_group       = module.observability.log_groups["registry"]
  log_group_arn   = module.observability.log_group_arns["registry"]
  repository_arn  = local.repository_arns["registry"]

  name           = var.name
  region         = var.region
  account_id     = var.account_id
  architecture   = var.architecture
  running        = var.running
  drops          = {}
  cluster_arn    = module.cluster.arn
  cluster_name   = module.cluster.name
  namespace_arn  = module.cluster.namespace_arn
  subnets        = module.network.private_subnets
  keep_revisions = var.deletion_protection
  depends_on     = [module.config_server]
}

module "service" {
  source   = "../ecs-service"
  for_each = local.found_through_registry

  program          = each.key
  image            = var.images[each.key]
  port             = each.value.port
  cpu              = each.value.cpu
  memory           = each.value.memory
  tasks_min        = each.value.tasks_min
  tasks_max        = each.value.tasks_max
  environment      = local.environment[each.key]
  secrets          = local.environment_secrets[each.key]
  migrates         = each.value.mysql
  target_group_arn = each.key == "gateway" ? module.alb.target_group_arn : null
  rollback_alarms = concat(
    [module.observability.error_alarms[each.key]],
    each.key == "gateway" ? [module.observability.gateway_alarm] : [],
  )
  security_groups = concat(
    [aws_security_group.this["tasks"].id],
    each.key == "gateway" ? [aws_security_group.this["gateway"].id] : [],
    each.value.mysql ? [aws_security_group.this["mysql-clients"].id] : [],
    each.value.redis ? [aws_security_group.this["redis-clients"].id] : [],
  )
  log_group      = module.observability.log_groups[each.key]
  log_group_arn  = module.observability.log_group_arns[each.key]
  repository_arn = local.repository_arns[each.key]

  name           = var.name
  region         = var.region
  account_id     = var.account_id
  architecture   = var.architecture
  running        = var.running
  drops          = var.drops
  cluster_arn    = module.cluster.arn
  cluster_name   = module.cluster.name
  namespace_arn  = module.cluster.namespace_arn
  subnets        = module.network.private_subnets
  keep_revisions = var.deletion_protection
  depends_on     = [module.registry]
}
