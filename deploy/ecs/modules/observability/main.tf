# Logs, what is counted in them, alarms and one page to look at. Each alarm has its paragraph in docs/runbook/alarms.md.

resource "aws_cloudwatch_log_group" "program" {
  for_each          = var.programs
  name              = "/mall/${var.name}/${each.key}"
  retention_in_days = var.log_days
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "mail" {
  for_each  = toset(var.alarm_mails)
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

# An error in the log is something that a person should see; a client's mistake is none.
resource "aws_cloudwatch_log_metric_filter" "errors" {
  for_each       = aws_cloudwatch_log_group.program
  name           = "errors"
  log_group_name = each.value.name
  pattern        = "{ $.level = \"ERROR\" }"

  metric_transformation {
    name          = "errors-${each.key}"
    namespace     = local.namespace
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each            = var.programs
  alarm_name          = "${var.name}-${each.key}-errors"
  alarm_description   = "${each.key} writes errors to its log. docs/runbook/alarms.md#errors"
  namespace           = local.namespace
  metric_name         = "errors-${each.key}"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 2
  threshold           = 10
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

# Law 2: the books balance. One line is one too many.
resource "aws_cloudwatch_log_metric_filter" "books" {
  name           = "books"
  log_group_name = aws_cloudwatch_log_group.program["stock"].name
  pattern        = "{ $.message = \"*do not balance*\" }"

  metric_transformation {
    name          = "books"
    namespace     = local.namespace
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "books" {
  alarm_name          = "${var.name}-books"
  alarm_description   = "The books of stock do not balance. docs/runbook/alarms.md#books"
  namespace           = local.namespace
  metric_name         = "books"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
}

resource "aws_cloudwatch_metric_alarm" "plain" {
  for_each   = local.alarms
  alarm_name = "${var.name}-${each.key}"
  # One paragraph serves all members of Redis.
  alarm_description   = "${each.value.what} docs/runbook/alarms.md#${split("-${var.name}-", each.key)[0]}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.percentile == null ? each.value.statistic : null
  extended_statistic  = each.value.percentile
  period              = 60
  evaluation_periods  = each.value.minutes
  threshold           = each.value.threshold
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  treat_missing_data  = each.value.missing
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

# Tasks that are missing for five minutes: not a deploy, not a scaling step.
resource "aws_cloudwatch_metric_alarm" "tasks" {
  for_each            = var.tasks_min
  alarm_name          = "${var.name}-${each.key}-tasks"
  alarm_description   = "Fewer than ${each.value} tasks of ${each.key} run. docs/runbook/alarms.md#tasks"
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = var.cluster_name, ServiceName = each.key }
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 5
  threshold           = each.value
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

locals {
  namespace = "Mall/${var.name}"
  tell      = [aws_sns_topic.alarms.arn]
  alb       = { LoadBalancer = var.alb }
  targets   = { LoadBalancer = var.alb, TargetGroup = var.target_group }
  database  = { DBInstanceIdentifier = var.database }

  defaults = { statistic = "Average", percentile = null, below = false, missing = "notBreaching" }

  alarms = merge({
    gateway-5xx = merge(local.defaults, {
      what      = "The gateway answers 5xx.", namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count"
      statistic = "Sum", dimensions = local.targets, threshold = 50, minutes = 3
    })
    alb-5xx = merge(local.defaults, {
      what      = "The load balancer finds no gateway that answers.", namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count"
      statistic = "Sum", dimensions = local.alb, threshold = 20, minutes = 2
    })
    slow = merge(local.defaults, {
      what       = "One answer in a hundred takes longer than two seconds.", namespace = "AWS/ApplicationELB", metric = "TargetResponseTime"
      percentile = "p99", dimensions = local.targets, threshold = 2, minutes = 5
    })
    gateways-unhealthy = merge(local.defaults, {
      what      = "Gateways fail their health check.", namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount"
      statistic = "Maximum", dimensions = local.targets, threshold = 0, minutes = 3
    })
    mysql-cpu = merge(local.defaults, {
      what       = "MySQL is busy.", namespace = "AWS/RDS", metric = "CPUUtilization"
      dimensions = local.database, threshold = 80, minutes = 5
    })
    mysql-disk = merge(local.defaults, {
      what       = "MySQL's disk fills.", namespace = "AWS/RDS", metric = "FreeStorageSpace", below = true
      dimensions = local.database, threshold = 5368709120, minutes = 5, missing = "breaching"
    })
    mysql-connections = merge(local.defaults, {
      what       = "MySQL nears its most connections.", namespace = "AWS/RDS", metric = "DatabaseConnections"
      dimensions = local.database, threshold = var.database_connections * 0.8, minutes = 3
    })
    mysql-commit-slow = merge(local.defaults, {
      what       = "A write to MySQL's disk takes longer than 20 ms.", namespace = "AWS/RDS", metric = "WriteLatency"
      dimensions = local.database, threshold = 0.02, minutes = 5
    })
    }, merge([for member in var.redis_members : {
      "redis-cpu-${member}" = merge(local.defaults, {
        what       = "Redis is busy.", namespace = "AWS/ElastiCache", metric = "EngineCPUUtilization"
        dimensions = { CacheClusterId = member }, threshold = 80, minutes = 3
      })
      "redis-memory-${member}" = merge(local.defaults, {
        what       = "Redis is nearly full; full, it refuses writes.", namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage"
        dimensions = { CacheClusterId = member }, threshold = 75, minutes = 5
      })
  }]...))
}
