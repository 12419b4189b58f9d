"""google-cloud-pubsub: it reads PUBSUB_EMULATOR_HOST."""

import queue

from google.api_core import exceptions
from google.cloud import pubsub_v1

LIMIT_S = 60


class _World:
    """A topic of its own, with a subscription."""

    def __init__(self, stack, name, **subscription):
        options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        self.publisher = pubsub_v1.PublisherClient(publisher_options=options)
        self.subscriber = pubsub_v1.SubscriberClient()
        self.topic = self.publisher.topic_path(stack["project"], f"{stack['run']}-{name}")
        self.subscription = self.subscriber.subscription_path(
            stack["project"], f"{stack['run']}-{name}"
        )
        self.publisher.create_topic(name=self.topic)
        self.subscriber.create_subscription(
            request={"name": self.subscription, "topic": self.topic, **subscription}
        )

    def publish(self, data, **attributes):
        return self.publisher.publish(self.topic, data, **attributes).result(LIMIT_S)

    def pull(self):
        while True:
            request = {"subscription": self.subscription, "max_messages": 1}
            try:
                received = self.subscriber.pull(request=request, timeout=LIMIT_S)
            except exceptions.DeadlineExceeded:
                continue
            if received.received_messages:
                return received.received_messages[0]


def a_message_is_pulled_as_it_was_published(stack):
    world = _World(stack, "pull")
    published = world.publish(b"{}", kind="x")
    received = world.pull()
    assert received.message.message_id == published
    assert (received.message.data, dict(received.message.attributes)) == (b"{}", {"kind": "x"})
    request = {"subscription": world.subscription, "ack_ids": [received.ack_id]}
    world.subscriber.acknowledge(request=request)


def messages_are_streamed_in_order_and_refused_ones_redelivered(stack):
    world = _World(stack, "stream", enable_message_ordering=True)
    came = queue.Queue()
    refused = []

    def on_message(message):
        if message.data == b"2" and not refused:
            refused.append(message)
            message.nack()
        else:
            came.put(message.data)
            message.ack()

    for number in range(5):
        world.publish(str(number).encode(), ordering_key="k")
    streaming = world.subscriber.subscribe(world.subscription, on_message)
    # Messages after a refused one are redelivered after it, even if they were delivered before.
    found = []
    while found[-3:] != [b"2", b"3", b"4"]:
        found.append(came.get(timeout=LIMIT_S))
    streaming.cancel()
    streaming.result(LIMIT_S)
    assert refused and found[:2] == [b"0", b"1"], found


def a_poisoned_message_becomes_a_dead_letter(stack):
    dead = _World(stack, "dead")
    policy = {"dead_letter_topic": dead.topic, "max_delivery_attempts": 5}
    world = _World(stack, "poison", dead_letter_policy=policy)
    world.publish(b"poison")
    for attempt in range(1, 6):
        received = world.pull()
        assert received.delivery_attempt == attempt, received
        world.subscriber.modify_ack_deadline(
            request={
                "subscription": world.subscription,
                "ack_ids": [received.ack_id],
                "ack_deadline_seconds": 0,
            }
        )
    letter = dead.pull().message
    assert letter.data == b"poison"
    assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


def an_existing_name_is_a_conflict_and_a_missing_one_not_found(stack):
    world = _World(stack, "names")
    try:
        world.publisher.create_topic(name=world.topic)
        raise AssertionError("created twice")
    except exceptions.AlreadyExists:
        pass
    try:
        world.publisher.get_topic(topic=world.topic + "-none")
        raise AssertionError("found")
    except exceptions.NotFound:
        pass
    project = f"projects/{stack['project']}"
    listed = world.publisher.list_topics(request={"project": project, "page_size": 2})
    assert world.topic in [topic.name for topic in listed]
    attached = world.publisher.list_topic_subscriptions(request={"topic": world.topic})
    assert list(attached) == [world.subscription]


def a_subscription_changes_by_mask(stack):
    world = _World(stack, "mask")
    subscription = {"name": world.subscription, "ack_deadline_seconds": 60}
    update = {"subscription": subscription, "update_mask": {"paths": ["ack_deadline_seconds"]}}
    assert world.subscriber.update_subscription(request=update).ack_deadline_seconds == 60
    world.subscriber.delete_subscription(subscription=world.subscription)
    world.publisher.delete_topic(topic=world.topic)


CHECKS = [
    a_message_is_pulled_as_it_was_published,
    messages_are_streamed_in_order_and_refused_ones_redelivered,
    a_poisoned_message_becomes_a_dead_letter,
    an_existing_name_is_a_conflict_and_a_missing_one_not_found,
    a_subscription_changes_by_mask,
]
