# More tasks when the load asks for them, and before a drop, when it is known that it will: target tracking needs minutes, a crowd
# comes in a second.

resource "aws_appautoscaling_target" "this" {
  count              = local.scales ? 1 : 0
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster_name}/${aws_ecs_service.this.name}"
  min_capacity       = var.tasks_min
  max_capacity       = var.tasks_max

  lifecycle {
    # A drop under way has raised it.
    ignore_changes = [min_capacity]
  }
}

resource "aws_appautoscaling_policy" "cpu" {
  count              = local.scales ? 1 : 0
  name               = "${local.full_name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 50
    scale_out_cooldown = 30
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "before" {
  for_each           = local.scales ? var.drops : {}
  name               = "${local.full_name}-${each.key}-before"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  schedule           = "at(${formatdate("YYYY-MM-DD'T'hh:mm:ss", timeadd(each.value.opens_at, "-30m"))})"

  scalable_target_action {
    min_capacity = min(var.tasks_max, var.tasks_min * each.value.times)
    max_capacity = var.tasks_max
  }
}

resource "aws_appautoscaling_scheduled_action" "after" {
  for_each           = local.scales ? var.drops : {}
  name               = "${local.full_name}-${each.key}-after"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  schedule           = "at(${formatdate("YYYY-MM-DD'T'hh:mm:ss", timeadd(each.value.closes_at, "0m"))})"

  scalable_target_action {
    min_capacity = var.tasks_min
    max_capacity = var.tasks_max
  }

  # One action of a target at a time: the API refuses two at once.
  depends_on = [aws_appautoscaling_scheduled_action.before]
}

locals {
  scales = var.running && !var.singleton && var.tasks_max > var.tasks_min
}
