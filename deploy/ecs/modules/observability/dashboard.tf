resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [for index, graph in local.graphs : {
      type   = "metric"
      x      = index % 3 * 8
      y      = floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = graph.title
        region  = var.region
        period  = 60
        stat    = graph.stat
        metrics = graph.metrics
      }
    }]
  })
}

locals {
  programs = sort(tolist(var.programs))
  graphs = [
    {
      title   = "Requests", stat = "Sum",
      metrics = [["AWS/ApplicationELB", "RequestCount", "LoadBalancer", var.alb]]
    },
    {
      title   = "Answers by kind", stat = "Sum",
      metrics = [for kind in ["2XX", "4XX", "5XX"] : ["AWS/ApplicationELB", "HTTPCode_Target_${kind}_Count", "LoadBalancer", var.alb]]
    },
    {
      title   = "Slowest in a hundred", stat = "p99",
      metrics = [["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.alb]]
    },
    {
      title   = "Processor", stat = "Average",
      metrics = [for program in local.programs : ["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster_name, "ServiceName", program]]
    },
    {
      title   = "Tasks", stat = "Minimum",
      metrics = [for program in local.programs : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.cluster_name, "ServiceName", program]]
    },
    {
      title   = "Errors in logs", stat = "Sum",
      metrics = [for program in local.programs : [local.namespace, "errors-${program}"]]
    },
    {
      title   = "MySQL: connections, processor", stat = "Average",
      metrics = [for metric in ["DatabaseConnections", "CPUUtilization"] : ["AWS/RDS", metric, "DBInstanceIdentifier", var.database]]
    },
    {
      title   = "MySQL: how long a write takes", stat = "p99",
      metrics = [["AWS/RDS", "WriteLatency", "DBInstanceIdentifier", var.database]]
    },
    {
      title = "Redis: processor, memory", stat = "Maximum",
      metrics = [
        for pair in setproduct(["EngineCPUUtilization", "DatabaseMemoryUsagePercentage"], var.redis_members) :
        ["AWS/ElastiCache", pair[0], "CacheClusterId", pair[1]]
      ]
    },
  ]
}
