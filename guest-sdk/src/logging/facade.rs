//! The `log` crate's half.

use log::{Log, Metadata};

use super::{Level, Record, Sink};

struct Facade(Sink);

#[cfg(target_family = "wasm")]
pub(super) fn install() {
    static FACADE: Facade = Facade(crate::guest::log);
    if log::set_logger(&FACADE).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

impl Log for Facade {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        (self.0)(Record {
            level: level(record.level()),
            target: record.target().to_owned(),
            message: record.args().to_string(),
            fields: fields(record),
        });
    }

    fn flush(&self) {}
}

/// Fields are a feature of their own, since a field may be a float, and what formats floats has 25 kilobytes.
#[cfg(not(feature = "log-kv"))]
fn fields(_record: &log::Record<'_>) -> Vec<(String, String)> {
    Vec::new()
}

#[cfg(feature = "log-kv")]
fn fields(record: &log::Record<'_>) -> Vec<(String, String)> {
    use log::kv::{Error, Key, Value, VisitSource};

    struct Fields(Vec<(String, String)>);

    impl<'kvs> VisitSource<'kvs> for Fields {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
            self.0.push((key.as_str().to_owned(), value.to_string()));
            Ok(())
        }
    }

    let mut fields = Fields(Vec::new());
    // A source that fails half-way has given what it could, and the record is worth more than the rest.
    let _ = record.key_values().visit(&mut fields);
    fields.0
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Trace => Level::Trace,
        log::Level::Debug => Level::Debug,
        log::Level::Info => Level::Info,
        log::Level::Warn => Level::Warn,
        log::Level::Error => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        static RECORDS: RefCell<Vec<Record>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn a_record_keeps_level_target_message_and_fields() {
        let facade = Facade(|record| RECORDS.with_borrow_mut(|records| records.push(record)));
        log::set_max_level(log::LevelFilter::Info);
        log::info!(logger: facade, target: "shop", user = "ada", items = 3; "sold {}", "tea");
        let expected = Record {
            level: Level::Info,
            target: "shop".to_owned(),
            message: "sold tea".to_owned(),
            fields: vec![
                ("user".to_owned(), "ada".to_owned()),
                ("items".to_owned(), "3".to_owned()),
            ],
        };
        assert_eq!(RECORDS.take(), [expected]);
    }
}
