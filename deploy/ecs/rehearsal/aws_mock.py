"""An AWS on this machine for rehearsals: moto's server, plus the few calls that the Terraform provider makes of this stack and
that moto does not answer: tags of scaling targets, the members of a Redis replication group with their end, Redis parameter groups,
and the course of a deployment on ECS.

Run: python aws_mock.py -H 127.0.0.1 -p PORT
"""

import json
import sys

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Scaling
from moto.core.responses import ActionResult
from moto.ecs import models as ecs
from moto.elasticache import models as cache
from moto.elasticache.responses import ElastiCacheResponse
from moto.server import main

# No task of an image with this digest ever starts.
BAD_IMAGE = "@sha256:" + "c" * 64

tags = {}


def asked(response):
    return json.loads(response.body)


def list_tags(self):
    return json.dumps({"Tags": tags.get(asked(self)["ResourceARN"], {})})


def tag(self):
    wanted = asked(self)
    tags.setdefault(wanted["ResourceARN"], {}).update(wanted["Tags"])
    return "{}"


def untag(self):
    wanted = asked(self)
    for key in wanted["TagKeys"]:
        tags.get(wanted["ResourceARN"], {}).pop(key, None)
    return "{}"


register_as_moto = Scaling.register_scalable_target


def register(self):
    """Tells the ARN, without which the provider looks for it for minutes."""
    answer = json.loads(register_as_moto(self) or "{}")
    wanted = asked(self)
    known = self.applicationautoscaling_backend.targets[wanted["ScalableDimension"]].values()
    target = next(each for each in known if each.resource_id == wanted["ResourceId"])
    tags.setdefault(target.arn, {}).update(wanted.get("Tags") or {})
    return json.dumps({**answer, "ScalableTargetARN": target.arn})


Scaling.list_tags_for_resource, Scaling.tag_resource, Scaling.untag_resource = list_tags, tag, untag
Scaling.register_scalable_target = register

create_as_moto = cache.ElastiCacheBackend.create_replication_group
delete_as_moto = cache.ElastiCacheBackend.delete_replication_group


def create_group(self, *args, **fields):
    """With its members, which the provider reads one by one."""
    group = create_as_moto(self, *args, **fields)
    code = cache.CacheCluster.__init__.__code__
    known = code.co_varnames[3 : code.co_argcount]
    for member in group.member_clusters:
        values = {name: fields.get(name) for name in known}
        values.update(
            cache_cluster_id=member, replication_group_id=group.replication_group_id, engine="redis", log_delivery_configurations=[]
        )
        self.cache_clusters[member] = cache.CacheCluster(self.account_id, self.region_name, **values)
    return group


def delete_group(self, replication_group_id, *args, **fields):
    """At once: moto leaves it in `deleting` for ever."""
    for name, member in list(self.cache_clusters.items()):
        if getattr(member, "replication_group_id", None) == replication_group_id:
            del self.cache_clusters[name]
    group = delete_as_moto(self, replication_group_id, *args, **fields)
    self.replication_groups.pop(replication_group_id, None)
    return group


def delete_subnet_group(self):
    self.elasticache_backend.cache_subnet_groups.pop(self._get_param("CacheSubnetGroupName"), None)
    return ActionResult({})


cache.ElastiCacheBackend.create_replication_group = create_group
cache.ElastiCacheBackend.delete_replication_group = delete_group
ElastiCacheResponse.delete_cache_subnet_group = delete_subnet_group

parameter_groups = {}


def create_parameter_group(self):
    name = self._get_param("CacheParameterGroupName")
    group = {
        "CacheParameterGroupName": name, "CacheParameterGroupFamily": self._get_param("CacheParameterGroupFamily"),
        "Description": self._get_param("Description") or "", "IsGlobal": False,
        "ARN": f"arn:aws:elasticache:{self.region}:{self.current_account}:parametergroup:{name}",
    }
    parameter_groups[name] = {"group": group, "values": {}}
    return ActionResult({"CacheParameterGroup": group})


def describe_parameter_groups(self):
    name = self._get_param("CacheParameterGroupName")
    return ActionResult({"CacheParameterGroups": [each["group"] for key, each in parameter_groups.items() if name in (None, key)]})


def modify_parameter_group(self):
    name = self._get_param("CacheParameterGroupName")
    for each in self._get_param("ParameterNameValues") or []:
        parameter_groups[name]["values"][each["ParameterName"]] = each["ParameterValue"]
    return ActionResult({"CacheParameterGroupName": name})


def describe_parameters(self):
    values = parameter_groups[self._get_param("CacheParameterGroupName")]["values"]
    return ActionResult({"Parameters": [{"ParameterName": name, "ParameterValue": value, "Source": "user"} for name, value in values.items()]})


def delete_parameter_group(self):
    parameter_groups.pop(self._get_param("CacheParameterGroupName"), None)
    return ActionResult({})


list_cache_tags_as_moto = ElastiCacheResponse.list_tags_for_resource


def list_cache_tags(self):
    """Parameter groups carry none here."""
    if ":parametergroup:" in self._get_param("ResourceName"):
        return ActionResult({"TagList": []})
    return list_cache_tags_as_moto(self)


ElastiCacheResponse.list_tags_for_resource = list_cache_tags
ElastiCacheResponse.create_cache_parameter_group = create_parameter_group
ElastiCacheResponse.describe_cache_parameter_groups = describe_parameter_groups
ElastiCacheResponse.modify_cache_parameter_group = modify_parameter_group
ElastiCacheResponse.describe_cache_parameters = describe_parameters
ElastiCacheResponse.delete_cache_parameter_group = delete_parameter_group

update_service_as_moto = ecs.EC2ContainerServiceBackend.update_service


def update_service(self, service_properties):
    """A deployment is over at once, with the revision that was asked for (moto leaves the old one in it). One of an image that can't
    run is what ECS's circuit breaker makes of it: the service stays what it was, and the reason is told."""
    wanted = service_properties.get("task_definition")
    reason = "ECS deployment completed."
    if wanted and BAD_IMAGE in self.describe_task_definition(wanted).container_definitions[0]["image"]:
        service_properties.pop("task_definition")
        reason = "ECS deployment circuit breaker: tasks failed to start."
    service = update_service_as_moto(self, service_properties)
    service.running_count, service.pending_count = service.desired_count, 0
    for deployment in service.deployments:
        deployment.update(
            taskDefinition=self.describe_task_definition(service.task_definition).arn, desiredCount=service.desired_count,
            runningCount=service.running_count, pendingCount=0, rolloutState="COMPLETED", rolloutStateReason=reason,
        )
    return service


ecs.EC2ContainerServiceBackend.update_service = update_service

if __name__ == "__main__":
    main(sys.argv[1:])
