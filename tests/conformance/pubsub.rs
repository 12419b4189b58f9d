//! Pub/Sub through Google's client: publishing, pull and streaming pull, and failed deliveries.

use google_cloud_gax::{error::rpc::Code, paginator::ItemPaginator as _};
use google_cloud_pubsub::{
    client::{Publisher, Subscriber, SubscriptionAdmin, TopicAdmin},
    model::{DeadLetterPolicy, Message, Subscription},
    subscriber::{MessageStream, handler::Handler},
};
use serde_json::{Value, json};
use system_tests::wait;

use crate::target::{self, SuiteTarget};

/// Delivery attempts before a dead letter: the minimum that the service accepts.
const ATTEMPTS_MAX: i32 = 5;

async fn everywhere(check: impl AsyncFn(World)) {
    let check = &check;
    let on = async |target| check(World::on(target).await).await;
    target::everywhere("PUBSUB_CONFORMANCE_HOST", on).await;
}

/// A service and its clients.
struct World {
    target: SuiteTarget,
    topics: TopicAdmin,
    subscriptions: SubscriptionAdmin,
    subscriber: Subscriber,
}

impl World {
    async fn on(target: SuiteTarget) -> Self {
        let topics = TopicAdmin::builder()
            .with_endpoint(&target.url)
            .with_credentials(target::anonymous());
        let subscriptions = SubscriptionAdmin::builder()
            .with_endpoint(&target.url)
            .with_credentials(target::anonymous());
        let subscriber = Subscriber::builder()
            .with_endpoint(&target.url)
            .with_credentials(target::anonymous());
        Self {
            topics: topics.build().await.unwrap(),
            subscriptions: subscriptions.build().await.unwrap(),
            subscriber: subscriber.build().await.unwrap(),
            target,
        }
    }

    fn topic(&self, id: &str) -> String {
        format!("projects/{}/topics/{id}", self.target.project)
    }

    fn subscription(&self, id: &str) -> String {
        format!("projects/{}/subscriptions/{id}", self.target.project)
    }

    /// Creates a topic, and gives its publisher.
    async fn make_topic(&self, id: &str) -> Publisher {
        let name = self.topic(id);
        let made = self.topics.create_topic().set_name(&name).send().await;
        assert_eq!(made.unwrap().name, name);
        self.publisher(id).await
    }

    async fn publisher(&self, id: &str) -> Publisher {
        let builder = Publisher::builder(self.topic(id))
            .with_endpoint(&self.target.url)
            .with_credentials(target::anonymous());
        builder.build().await.unwrap()
    }

    async fn subscribe(
        &self,
        topic: &str,
        id: &str,
        change: impl FnOnce(Subscription) -> Subscription,
    ) {
        let subscription = Subscription::new()
            .set_name(self.subscription(id))
            .set_topic(self.topic(topic))
            .set_ack_deadline_seconds(10);
        let request = self.subscriptions.create_subscription();
        let made = request.with_request(change(subscription)).send().await;
        made.unwrap();
    }

    fn stream(&self, id: &str) -> MessageStream {
        self.subscriber.subscribe(self.subscription(id)).build()
    }

    /// One REST call to a subscription: the client library has no unary pull.
    async fn rest(&self, id: &str, verb: &str, body: Value) -> Value {
        let path = format!("/v1/{}:{verb}", self.subscription(id));
        self.target.done("POST", &path, body).await
    }

    /// Pulls until there is a message.
    async fn pull(&self, id: &str) -> Value {
        wait::until("a message to pull", &(), async || {
            let pulled = self.rest(id, "pull", json!({ "maxMessages": 1 })).await;
            let first = pulled["receivedMessages"].get(0).cloned();
            first.ok_or(pulled)
        })
        .await
    }
}

async fn next(stream: &mut MessageStream) -> (Message, Handler) {
    let next = wait::output("a message", &(), stream.next()).await;
    next.unwrap().unwrap()
}

fn text(message: &Message) -> String {
    String::from_utf8(message.data.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_streamed_as_it_was_published() {
    everywhere(async |world| {
        let publisher = world.make_topic("events").await;
        world.subscribe("events", "subscriber", |it| it).await;
        let message = Message::new()
            .set_data(r#"{"run":"a"}"#)
            .set_attributes([("ce-id", "1"), ("ce-type", "x")]);
        let id = publisher.publish(message).await.unwrap();
        let (message, handler) = next(&mut world.stream("subscriber")).await;
        assert_eq!(message.message_id, id);
        assert_eq!(text(&message), r#"{"run":"a"}"#);
        assert_eq!(message.attributes["ce-type"], "x");
        assert_eq!(message.attributes.len(), 2);
        assert!(message.publish_time.is_some());
        assert_eq!(handler.delivery_attempt(), None, "no dead letter policy");
        handler.ack();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_pulled_until_it_is_acknowledged() {
    everywhere(async |world| {
        let publisher = world.make_topic("events").await;
        world.subscribe("events", "subscriber", |it| it).await;
        publisher
            .publish(Message::new().set_data("m"))
            .await
            .unwrap();
        let first = world.pull("subscriber").await;
        assert_eq!(first["message"]["data"], "bQ==");
        let give_back = json!({ "ackIds": [first["ackId"]], "ackDeadlineSeconds": 0 });
        world
            .rest("subscriber", "modifyAckDeadline", give_back)
            .await;
        let second = world.pull("subscriber").await;
        assert_eq!(
            second["message"]["messageId"],
            first["message"]["messageId"]
        );
        let acknowledge = json!({ "ackIds": [second["ackId"]] });
        world.rest("subscriber", "acknowledge", acknowledge).await;
        let ask = json!({ "maxMessages": 1, "returnImmediately": true });
        let rest = world.rest("subscriber", "pull", ask).await;
        assert_eq!(rest, json!({}), "an acknowledged message was redelivered");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_is_redelivered() {
    everywhere(async |world| {
        let publisher = world.make_topic("events").await;
        world.subscribe("events", "subscriber", |it| it).await;
        publisher
            .publish(Message::new().set_data("m"))
            .await
            .unwrap();
        let mut stream = world.stream("subscriber");
        let (first, handler) = next(&mut stream).await;
        handler.nack();
        let (second, handler) = next(&mut stream).await;
        assert_eq!(first.message_id, second.message_id);
        handler.ack();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_published_twice_is_two_messages() {
    everywhere(async |world| {
        let publisher = world.make_topic("events").await;
        world.subscribe("events", "subscriber", |it| it).await;
        let fact = || {
            Message::new()
                .set_data("m")
                .set_attributes([("ce-id", "1")])
        };
        let one = publisher.publish(fact()).await.unwrap();
        let two = publisher.publish(fact()).await.unwrap();
        assert_ne!(one, two);
        let mut stream = world.stream("subscriber");
        let mut came = Vec::new();
        for _ in 0..2 {
            let (message, handler) = next(&mut stream).await;
            came.push(message.message_id);
            handler.ack();
        }
        came.sort_unstable();
        let mut told = vec![one, two];
        told.sort_unstable();
        assert_eq!(came, told);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_key_arrive_in_order() {
    everywhere(async |world| {
        let publisher = world.make_topic("events").await;
        let ordered = |it: Subscription| it.set_enable_message_ordering(true);
        world.subscribe("events", "subscriber", ordered).await;
        let texts: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let publish = |text: &String| {
            let message = Message::new().set_data(text.clone());
            publisher.publish(message.set_ordering_key("run"))
        };
        for published in texts.iter().map(publish).collect::<Vec<_>>() {
            published.await.unwrap();
        }
        let mut stream = world.stream("subscriber");
        let mut came = Vec::new();
        while came.len() < texts.len() {
            let (message, handler) = next(&mut stream).await;
            assert_eq!(message.ordering_key, "run");
            came.push(text(&message));
            handler.ack();
        }
        assert_eq!(came, texts);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_never_acknowledged_becomes_a_dead_letter() {
    everywhere(async |world| {
        let publisher = world.make_topic("events").await;
        world.make_topic("dead-letters").await;
        world.subscribe("dead-letters", "undertaker", |it| it).await;
        let policy = DeadLetterPolicy::new()
            .set_dead_letter_topic(world.topic("dead-letters"))
            .set_max_delivery_attempts(ATTEMPTS_MAX);
        let mortal = |it: Subscription| it.set_dead_letter_policy(policy);
        world.subscribe("events", "subscriber", mortal).await;
        let message = Message::new()
            .set_data("poison")
            .set_attributes([("a", "b")]);
        publisher.publish(message).await.unwrap();
        let mut stream = world.stream("subscriber");
        for attempt in 1..=ATTEMPTS_MAX {
            let (_, handler) = next(&mut stream).await;
            assert_eq!(handler.delivery_attempt(), Some(attempt));
            handler.nack();
        }
        let (dead, handler) = next(&mut world.stream("undertaker")).await;
        handler.ack();
        assert_eq!(text(&dead), "poison");
        let attribute = |name: &str| dead.attributes[name].as_str();
        assert_eq!(attribute("a"), "b");
        assert_eq!(
            attribute("CloudPubSubDeadLetterSourceSubscription"),
            "subscriber"
        );
        assert_eq!(
            attribute("CloudPubSubDeadLetterSourceSubscriptionProject"),
            world.target.project
        );
        let count = attribute("CloudPubSubDeadLetterSourceDeliveryCount");
        assert_eq!(count, ATTEMPTS_MAX.to_string());
        assert!(!attribute("CloudPubSubDeadLetterSourceTopicPublishTime").is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_can_be_created_once() {
    everywhere(async |world| {
        world.make_topic("events").await;
        let again = world.topics.create_topic().set_name(world.topic("events"));
        let error = again.send().await.unwrap_err();
        assert_eq!(error.status().unwrap().code, Code::AlreadyExists);
        assert_eq!(error.http_status_code(), Some(409));
        world.subscribe("events", "subscriber", |it| it).await;
        let again = world.subscriptions.create_subscription();
        let again = again
            .set_name(world.subscription("subscriber"))
            .set_topic(world.topic("events"));
        let error = again.send().await.unwrap_err();
        assert_eq!(error.status().unwrap().code, Code::AlreadyExists);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_not_found() {
    everywhere(async |world| {
        let get = world.topics.get_topic().set_topic(world.topic("nothing"));
        let error = get.send().await.unwrap_err();
        assert_eq!(error.status().unwrap().code, Code::NotFound);
        assert_eq!(error.http_status_code(), Some(404));
        let subscribe = world.subscriptions.create_subscription();
        let subscribe = subscribe
            .set_name(world.subscription("subscriber"))
            .set_topic(world.topic("nothing"));
        let error = subscribe.send().await.unwrap_err();
        assert_eq!(error.status().unwrap().code, Code::NotFound);
        let path = format!("/v1/{}:publish", world.topic("nothing"));
        let body = json!({ "messages": [{ "data": "bQ==" }] });
        let (status, answer) = world.target.call("POST", &path, body).await;
        assert_eq!(
            (status, answer["error"]["status"].as_str()),
            (404, Some("NOT_FOUND"))
        );
        let publisher = world.publisher("nothing").await;
        let sent = publisher.publish(Message::new().set_data("m")).await;
        assert!(sent.is_err(), "{sent:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_continues_on_page_two() {
    everywhere(async |world| {
        let mut names = Vec::new();
        for number in 0..5 {
            world.make_topic(&format!("facts-{number}")).await;
            names.push(world.topic(&format!("facts-{number}")));
        }
        let project = format!("projects/{}", world.target.project);
        let list = world.topics.list_topics().set_project(&project);
        let first = list.clone().set_page_size(2).send().await.unwrap();
        assert_eq!(first.topics.len(), 2);
        assert_ne!(first.next_page_token, "");
        let mut topics = list.set_page_size(2).by_item();
        let mut found = Vec::new();
        while let Some(topic) = topics.next().await {
            found.push(topic.unwrap().name);
        }
        found.sort();
        assert_eq!(found, names);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_subscription_does_not_delete_its_topic() {
    everywhere(async |world| {
        world.make_topic("events").await;
        world.subscribe("events", "subscriber", |it| it).await;
        let name = world.subscription("subscriber");
        let delete = || world.subscriptions.delete_subscription();
        delete().set_subscription(&name).send().await.unwrap();
        let again = delete().set_subscription(&name).send().await;
        assert_eq!(again.unwrap_err().http_status_code(), Some(404));
        let topic = world.topics.get_topic().set_topic(world.topic("events"));
        topic.send().await.unwrap();
    })
    .await;
}
