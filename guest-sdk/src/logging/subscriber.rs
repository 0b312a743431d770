//! The `tracing` crate's half: a subscriber that gives every event the fields of the spans that it is in.
//!
//! A field `id` of a span `request` becomes `request.id`, and the field `span` names the chain of spans, outermost
//! first: `request:query`. A guest has one thread, so the spans that are entered are one stack.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Current, Id};
use tracing_core::{Event, Metadata, Subscriber, span};

use super::{Level, Record, Sink};

struct Forward {
    sink: Sink,
    spans: Mutex<Spans>,
}

/// The spans that somebody still holds. They are few at a time: a map would cost ten kilobytes of component.
#[derive(Default)]
struct Spans {
    newest: u64,
    open: Vec<Span>,
    entered: Vec<u64>,
}

struct Span {
    id: u64,
    metadata: &'static Metadata<'static>,
    parent: Option<u64>,
    fields: Vec<(String, String)>,
    handles: usize,
}

#[cfg(target_family = "wasm")]
pub(super) fn install(sink: Sink) {
    let dispatch = tracing_core::Dispatch::new(Forward::new(sink));
    // It fails where a subscriber is there already, which then stays.
    let _ = tracing_core::dispatcher::set_global_default(dispatch);
}

impl Forward {
    fn new(sink: Sink) -> Self {
        Self { sink, spans: Mutex::default() }
    }

    /// Must not be held while an author's value is formatted: its `Debug` may log.
    fn spans(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Forward {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut spans = self.spans();
        let parent = spans.parent(attributes.parent(), attributes.is_contextual());
        if let Some(parent) = parent.and_then(|parent| spans.span_mut(parent)) {
            parent.handles += 1;
        }
        let id = spans.newest + 1;
        spans.newest = id;
        let (metadata, fields) = (attributes.metadata(), fields.all());
        spans.open.push(Span { id, metadata, parent, fields, handles: 1 });
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &span::Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = self.spans().span_mut(id.into_u64()) {
            for (key, value) in fields.all() {
                match span.fields.iter_mut().find(|field| field.0 == key) {
                    Some(field) => field.1 = value,
                    None => span.fields.push((key, value)),
                }
            }
        }
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { message, mut others } = fields;
        {
            let spans = self.spans();
            let innermost = spans.parent(event.parent(), event.is_contextual());
            others.extend(spans.fields(innermost));
        }
        (self.sink)(Record {
            level: level(*event.metadata().level()),
            target: event.metadata().target().to_owned(),
            message,
            fields: others,
        });
    }

    fn enter(&self, id: &Id) {
        self.spans().entered.push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        let mut spans = self.spans();
        // Spans need not be left in the order in which they were entered.
        if let Some(position) = spans.entered.iter().rposition(|entered| *entered == id.into_u64())
        {
            spans.entered.remove(position);
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        if let Some(span) = self.spans().span_mut(id.into_u64()) {
            span.handles += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.spans().close(id.into_u64())
    }

    fn current_span(&self) -> Current {
        let spans = self.spans();
        match spans.span(spans.entered.last().copied()) {
            Some(span) => Current::new(Id::from_u64(span.id), span.metadata),
            None => Current::none(),
        }
    }
}

impl Spans {
    fn parent(&self, explicit: Option<&Id>, is_contextual: bool) -> Option<u64> {
        match explicit {
            Some(id) => Some(id.into_u64()),
            None if is_contextual => self.entered.last().copied(),
            None => None,
        }
    }

    /// Returns the fields of a span and of those around it, outermost first, with the names of all.
    fn fields(&self, innermost: Option<u64>) -> Vec<(String, String)> {
        let mut chain: Vec<_> =
            std::iter::successors(self.span(innermost), |&span| self.span(span.parent)).collect();
        chain.reverse();
        if chain.is_empty() {
            return Vec::new();
        }
        let mut fields =
            vec![("span".to_owned(), join(chain.iter().map(|span| span.metadata.name()), ":"))];
        for span in chain {
            let name = span.metadata.name();
            fields.extend(
                span.fields.iter().map(|(key, value)| (format!("{name}.{key}"), value.clone())),
            );
        }
        fields
    }

    fn span(&self, id: Option<u64>) -> Option<&Span> {
        self.open.iter().find(|span| Some(span.id) == id)
    }

    fn span_mut(&mut self, id: u64) -> Option<&mut Span> {
        self.open.iter_mut().find(|span| span.id == id)
    }

    /// Takes one handle from a span. With the last, the span goes, and with it its handle of its parent.
    fn close(&mut self, id: u64) -> bool {
        let Some(position) = self.open.iter().position(|span| span.id == id) else { return false };
        self.open[position].handles -= 1;
        if self.open[position].handles > 0 {
            return false;
        }
        if let Some(parent) = self.open.swap_remove(position).parent {
            self.close(parent);
        }
        true
    }
}

/// Collects fields as text. The field `message` is the text of an event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, String)>,
}

impl Fields {
    fn push(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => self.others.push((name.to_owned(), value)),
        }
    }

    fn display(&mut self, field: &Field, value: &dyn fmt::Display) {
        self.push(field, value.to_string());
    }

    /// A span has no text: there, `message` is a field like any other.
    fn all(mut self) -> Vec<(String, String)> {
        if !self.message.is_empty() {
            self.others.push(("message".to_owned(), self.message));
        }
        self.others
    }
}

/// Every kind of value has its own method, since the default would format it as `Debug`: for a component without
/// another use of it, that alone costs 25 kilobytes for floats and 4 for numbers.
impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.to_owned());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.display(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.display(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.display(field, &value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.display(field, &value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.display(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, ryu::Buffer::new().format(value).to_owned());
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = value.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        self.push(field, digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect());
    }
}

/// `[str]::join` would be another kilobyte for each type of text.
fn join(parts: impl Iterator<Item: AsRef<str>>, between: &str) -> String {
    let mut joined = String::new();
    for part in parts {
        if !joined.is_empty() {
            joined.push_str(between);
        }
        joined.push_str(part.as_ref());
    }
    joined
}

fn level(level: tracing_core::Level) -> Level {
    match level {
        tracing_core::Level::TRACE => Level::Trace,
        tracing_core::Level::DEBUG => Level::Debug,
        tracing_core::Level::INFO => Level::Info,
        tracing_core::Level::WARN => Level::Warn,
        tracing_core::Level::ERROR => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tracing_core::Dispatch;

    use super::*;

    thread_local! {
        static RECORDS: RefCell<Vec<Record>> = const { RefCell::new(Vec::new()) };
    }

    fn records(log: impl FnOnce()) -> Vec<Record> {
        let forward =
            Forward::new(|record| RECORDS.with_borrow_mut(|records| records.push(record)));
        tracing::dispatcher::with_default(&Dispatch::new(forward), log);
        RECORDS.take()
    }

    fn fields(log: impl FnOnce()) -> Vec<(String, String)> {
        records(log).into_iter().flat_map(|record| record.fields).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_event_keeps_level_target_message_and_fields() {
        let records =
            records(|| tracing::warn!(target: "shop", user = "ada", items = 3, "sold {}", "tea"));
        let expected = Record {
            level: Level::Warn,
            target: "shop".to_owned(),
            message: "sold tea".to_owned(),
            fields: pairs(&[("user", "ada"), ("items", "3")]),
        };
        assert_eq!(records, [expected]);
    }

    #[test]
    fn values_are_written_as_people_write_them() {
        let error = std::io::Error::other("no tea");
        let found = fields(|| {
            tracing::info!(
                yes = true,
                big = i128::MIN,
                small = -1_i64,
                half = 0.5,
                list = ?[1, 2],
                shown = %"text",
                bytes = [0_u8, 255].as_slice(),
                error = &error as &(dyn std::error::Error + 'static),
            );
        });
        let expected = [
            ("yes", "true"),
            ("big", "-170141183460469231731687303715884105728"),
            ("small", "-1"),
            ("half", "0.5"),
            ("list", "[1, 2]"),
            ("shown", "text"),
            ("bytes", "00ff"),
            ("error", "no tea"),
        ];
        assert_eq!(found, pairs(&expected));
    }

    #[test]
    fn an_event_has_the_fields_of_its_spans() {
        let found = fields(|| {
            let _request =
                tracing::info_span!("request", id = 7, user = tracing::field::Empty).entered();
            tracing::Span::current().record("user", "ada");
            let _query = tracing::info_span!("query", table = "tea").entered();
            tracing::info!(rows = 2, "read");
        });
        let expected = [
            ("rows", "2"),
            ("span", "request:query"),
            ("request.id", "7"),
            ("request.user", "ada"),
            ("query.table", "tea"),
        ];
        assert_eq!(found, pairs(&expected));
    }

    #[test]
    fn a_span_that_was_left_is_gone_and_its_parent_lives_as_long_as_it() {
        let found = fields(|| {
            let outer = tracing::info_span!("outer");
            let inner = tracing::info_span!(parent: &outer, "inner");
            drop(outer);
            inner.in_scope(|| tracing::info!("in"));
            tracing::info!("out");
        });
        assert_eq!(found, pairs(&[("span", "outer:inner")]));
    }

    #[test]
    fn closed_spans_are_forgotten() {
        let forward = Forward::new(drop);
        let dispatch = Dispatch::new(forward);
        tracing::dispatcher::with_default(&dispatch, || {
            let outer = tracing::info_span!("outer").entered();
            tracing::info_span!("inner").in_scope(|| tracing::info!("in"));
            drop(outer);
        });
        let forward: &Forward = dispatch.downcast_ref().unwrap();
        let spans = forward.spans();
        assert_eq!((spans.open.len(), spans.entered.len()), (0, 0));
    }
}
