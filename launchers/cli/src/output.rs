//! What is written to standard output and standard error. The only place that prints.

use std::io::{self, Write as _};

use longshore_protocol::exit::{self, ExitCode};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::settings::Format;

/// Says why the program fails, and with which code.
pub(crate) fn failure(failure: &Failure, format: Format) -> ExitCode {
    let Failure { code, text, hint } = failure;
    match format {
        Format::Human => {
            note(&format!("error: {}", safe(text)));
            if let Some(hint) = hint {
                note(&format!("hint: {}", safe(hint)));
            }
        }
        Format::Json => {
            note_json(&json!({"event": "error", "error": text, "hint": hint, "exit_code": code.0}));
        }
    }
    *code
}

/// The verb's answer, for a program: one line of JSON.
pub(crate) fn answer_json(value: &Value) -> Result<(), Failure> {
    write_out(format!("{value}\n").as_bytes())
}

/// The verb's answer, for a person.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    write_out(format!("{text}\n").as_bytes())
}

/// Raw bytes, as they are.
pub(crate) fn answer_bytes(bytes: &[u8]) -> Result<(), Failure> {
    write_out(bytes)
}

/// Something that happens meanwhile, for a person.
pub(crate) fn note(text: &str) {
    write_err(&format!("{text}\n"));
}

/// Something that happens meanwhile, for a program.
pub(crate) fn note_json(value: &Value) {
    write_err(&format!("{value}\n"));
}

/// Replaces the current line of the terminal; an empty text clears it.
pub(crate) fn draw(text: &str) {
    write_err(&drawn(text));
}

/// Without wrapping meanwhile: of a line that has become two, only the second would be replaced.
fn drawn(text: &str) -> String {
    format!("\r\x1b[2K\x1b[?7l{text}\x1b[?7h")
}

fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // A reader that has read enough (`| head -1`) is no failure of ours, and there is nobody left to tell.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            exit::INTERNAL,
            format!("could not write to standard output: {error}"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_err(text: &str) {
    // Whoever does not listen must not cost anybody the result: `eprint!` would panic here.
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Text that a guest or a stranger wrote, without what a terminal would obey: it stays readable, and says what was there.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => safe.push(c),
            // Invisible characters that reorder text may make it read as something else.
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                safe.extend(c.escape_unicode());
            }
            c => safe.push(c),
        }
    }
    safe
}

/// [`safe`] text within lines of ours: what it continues on the next line does not begin like one of them.
pub(crate) fn safe_lines(text: &str) -> String {
    safe(text).replace('\n', "\n    ")
}

/// [`safe`] text that has to stay on its line.
pub(crate) fn safe_line(text: &str) -> String {
    safe(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::{drawn, safe, safe_line, safe_lines};

    #[test]
    fn nobody_else_writes_our_lines() {
        assert_eq!(safe_lines("a\nrun 1 Completed"), "a\n    run 1 Completed");
        assert_eq!(safe_line("a\nb"), "a\\nb");
    }

    #[test]
    fn a_terminal_obeys_nothing() {
        assert_eq!(
            safe("a\x1b[31mb\r\u{9b}c\nd\u{202e}"),
            "a\\u{1b}[31mb\\u{d}\\u{9b}c\nd\\u{202e}"
        );
    }

    #[test]
    fn what_is_drawn_stays_on_its_line_and_wraps_nothing_else() {
        assert_eq!(drawn("1/2 long"), "\r\x1b[2K\x1b[?7l1/2 long\x1b[?7h");
    }
}
