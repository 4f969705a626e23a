//! What a supervisor tells: the state file, and the messages to the `up` that started it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mall_testkit::mall::{Admin, Event, InstanceView, Mall};
use serde::{Deserialize, Serialize};

/// `.mall/state.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub supervisor: u32,
    pub phase: Phase,
    pub gateway: String,
    pub registry: String,
    pub config_server: String,
    pub redis: String,
    pub mysql: String,
    pub mail: PathBuf,
    pub admin: Admin,
    pub services: Vec<InstanceView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Starting,
    Running,
    Stopping,
}

impl State {
    pub fn of(mall: &Mall, phase: Phase, services: Vec<InstanceView>) -> State {
        State {
            supervisor: std::process::id(),
            phase,
            gateway: mall.gateway_url(),
            registry: mall.registry_url(),
            config_server: mall.config_server_url(),
            redis: mall.redis_url(),
            mysql: mall.mysql_url(),
            mail: mall.mail_folder(),
            admin: mall.admin().clone(),
            services,
        }
    }

    /// Before there is anything to point at.
    pub fn starting(mail: PathBuf, admin: Admin) -> State {
        State {
            supervisor: std::process::id(),
            phase: Phase::Starting,
            gateway: String::new(),
            registry: String::new(),
            config_server: String::new(),
            redis: String::new(),
            mysql: String::new(),
            mail,
            admin,
            services: Vec::new(),
        }
    }
}

/// What `up` asks of the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub programs: PathBuf,
    pub gateway_port: u16,
    pub instances: BTreeMap<String, u16>,
    pub demo_data: bool,
    /// Stop when the `up` that started it ends.
    pub attached: bool,
}

/// One line from the supervisor to the `up` that started it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "message", content = "content", rename_all = "kebab-case")]
pub enum Message {
    Event(Event),
    Ready(Box<State>),
    Failed(String),
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_pipe() {
        let message = Message::Event(Event::Done {
            step: "서비스".into(),
            millis: 3,
        });
        let line = serde_json::to_string(&message).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(
            line,
            serde_json::to_string(&serde_json::from_str::<Message>(&line).unwrap()).unwrap()
        );
        let stopped = serde_json::to_string(&Message::Stopped).unwrap();
        assert!(matches!(
            serde_json::from_str(&stopped).unwrap(),
            Message::Stopped
        ));
    }
}
