output "log_groups" {
  value = { for program, group in aws_cloudwatch_log_group.program : program => group.name }
}

output "log_group_arns" {
  value = { for program, group in aws_cloudwatch_log_group.program : program => group.arn }
}

output "error_alarms" {
  description = "Program to the alarm that takes its deployment back."
  value       = { for program, alarm in aws_cloudwatch_metric_alarm.errors : program => alarm.alarm_name }
}

output "gateway_alarm" {
  value = aws_cloudwatch_metric_alarm.plain["gateway-5xx"].alarm_name
}

output "topic_arn" {
  value = aws_sns_topic.alarms.arn
}

output "alarm_names" {
  value = concat(
    [for alarm in aws_cloudwatch_metric_alarm.plain : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.errors : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.tasks : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.books.alarm_name],
  )
}
