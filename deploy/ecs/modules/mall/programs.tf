# What each program is, needs and is told. Settings come by environment, in Spring's relaxed names, and win over the config server:
# what depends on this environment is here, everything else is in config-repo/, which the image of config-server brings along.

locals {
  shapes = {
    config-server = { port = 8081, mysql = false, redis = false, size = "small" }
    registry      = { port = 8761, mysql = false, redis = false, size = "small" }
    stock         = { port = 8016, mysql = true, redis = true, size = "large" }
    users         = { port = 8014, mysql = true, redis = true, size = "large" }
    products      = { port = 8013, mysql = true, redis = false, size = "small" }
    payments      = { port = 8015, mysql = true, redis = false, size = "small" }
    carts         = { port = 8011, mysql = true, redis = false, size = "small" }
    orders        = { port = 8012, mysql = true, redis = false, size = "large" }
    gateway       = { port = 8080, mysql = false, redis = true, size = "large" }
  }

  programs = {
    for program, shape in local.shapes : program => merge(shape, {
      cpu       = coalesce(try(var.programs[program].cpu, null), var.sizes[shape.size].cpu)
      memory    = coalesce(try(var.programs[program].memory, null), var.sizes[shape.size].memory)
      tasks_min = program == "registry" ? 1 : coalesce(try(var.programs[program].tasks_min, null), var.tasks_min)
      tasks_max = program == "registry" ? 1 : coalesce(try(var.programs[program].tasks_max, null), var.tasks_max)
    })
  }

  found_through_registry = {
    for program, one in local.programs : program => one if !contains(["config-server", "registry"], program)
  }

  # A deploy goes from those that call nobody to those that call the others; what stands in one list has no order.
  release_order = [
    ["config-server"],
    ["registry"],
    ["stock", "users", "products", "payments"],
    ["carts", "orders"],
    ["gateway"],
  ]

  repository_arns = {
    for program in keys(local.shapes) :
    program => "arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.repository_prefix}/${program}"
  }

  secrets = merge(
    {
      internal-key  = "mall.internal.key: signs what programs tell each other about the caller"
      jwt           = "jwt.secret: signs shoppers' tokens"
      config-server = "password, url with that password, encrypt_key"
      users         = "k1 and index_secret for personal data; admin_email, admin_password"
      mail          = "username, password of the SMTP server"
      redis         = "the password of Redis"
    },
    { for program, one in local.shapes : "database-${program}" => "password of mall_${program} in MySQL" if one.mysql },
    { database-audit = "password of mall_audit in MySQL, who may only read" },
  )

  secret = module.secrets.arns

  everywhere = {
    SPRING_PROFILES_ACTIVE = var.profile
    LOGGING_FORMAT         = "json"
  }

  # Found by name: Service Connect answers for it on a loopback address of the task, so a program takes the address of its default
  # route - the task's own in the network - as the one that it registers (shared/service/src/local_address.rs).
  clients = {
    EUREKA_CLIENT_SERVICEURL_DEFAULTZONE = "http://registry:${local.programs["registry"].port}/eureka/"
  }

  mysql_options = var.database_ca == "" ? "?sslMode=REQUIRED" : "?sslMode=VERIFY_IDENTITY"

  environment = {
    for program, one in local.programs : program => merge(
      local.everywhere,
      { SERVER_PORT = tostring(one.port) },
      contains(["config-server", "registry"], program) ? {} : local.clients,
      one.mysql ? merge({
        SPRING_DATASOURCE_URL            = "mysql://${module.rds.address}:3306/mall_${program}${local.mysql_options}"
        SPRING_DATASOURCE_USERNAME       = "mall_${program}"
        SPRING_DATASOURCE_MAXCONNECTIONS = tostring(var.database.connections_per_task)
      }, var.database_ca == "" ? {} : { SPRING_DATASOURCE_CA = var.database_ca }) : {},
      one.redis ? { SPRING_DATA_REDIS_URL = "rediss://${module.redis.address}:6379/" } : {},
      lookup(local.own_environment, program, {}),
      try(var.programs[program].environment, {}),
    )
  }

  own_environment = {
    config-server = {
      SPRING_CLOUD_CONFIG_SERVER_NATIVE_SEARCHLOCATIONS = "/config-repo"
      SPRING_SECURITY_USER_NAME                         = "mall"
    }
    registry = {
      EUREKA_SERVER_EXPECTEDCLIENTRENEWALINTERVALSECONDS = "5"
      EUREKA_SERVER_EVICTIONINTERVALTIMERINMS            = "5000"
      EUREKA_SERVER_WAITTIMEINMSWHENSYNCEMPTY            = "0"
    }
    users = merge(
      {
        API_GATEWAY_URL     = var.address
        SPRING_MAIL_HOST    = var.mail.host
        SPRING_MAIL_PORT    = tostring(var.mail.port)
        MALL_USERS_MAILFROM = var.mail.from
      },
      var.mail.starttls ? {
        SPRING_MAIL_PROPERTIES_MAIL_SMTP_STARTTLS_ENABLE   = "true"
        SPRING_MAIL_PROPERTIES_MAIL_SMTP_STARTTLS_REQUIRED = "true"
      } : {},
    )
    gateway = {
      # The load balancer tells who asks.
      MALL_GATEWAY_TRUSTEDPROXIES      = join(",", module.network.public_cidrs)
      MALL_GATEWAY_CORS_ALLOWEDORIGINS = join(",", var.allowed_origins)
    }
  }

  environment_secrets = {
    for program, one in local.programs : program => merge(
      program == "config-server" ? {
        SPRING_SECURITY_USER_PASSWORD = "${local.secret["config-server"]}:password::"
        ENCRYPT_KEY                   = "${local.secret["config-server"]}:encrypt_key::"
        } : {
        CONFIG_SERVER_URL = "${local.secret["config-server"]}:url::"
      },
      contains(["config-server", "registry"], program) ? {} : { MALL_INTERNAL_KEY = local.secret["internal-key"] },
      contains(["gateway", "users"], program) ? { JWT_SECRET = local.secret["jwt"] } : {},
      one.mysql ? { SPRING_DATASOURCE_PASSWORD = local.secret["database-${program}"] } : {},
      one.redis ? { SPRING_DATA_REDIS_PASSWORD = local.secret["redis"] } : {},
      program != "users" ? {} : {
        SPRING_MAIL_USERNAME              = "${local.secret["mail"]}:username::"
        SPRING_MAIL_PASSWORD              = "${local.secret["mail"]}:password::"
        MALL_USERS_ENCRYPTION_KEYS_K1     = "${local.secret["users"]}:k1::"
        MALL_USERS_ENCRYPTION_INDEXSECRET = "${local.secret["users"]}:index_secret::"
        MALL_USERS_ADMIN_EMAIL            = "${local.secret["users"]}:admin_email::"
        MALL_USERS_ADMIN_PASSWORD         = "${local.secret["users"]}:admin_password::"
      },
      try({ for name, from in var.programs[program].secrets : name => from }, {}),
    )
  }
}
