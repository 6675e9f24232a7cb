//! What makes text harmless: for a terminal, a page, a document.

use c8dr_domain::plain;

use super::driver::{bounded, fuzz};
use super::mutate;

#[test]
fn fuzz_texts() {
    const TEXT: &str =
        "Zürich \"8.6.0\" \u{1b}[31mred\u{1b}[0m <script>alert('x')</script> 日本 🚀 a|b\r\n\t\u{202e}";
    fuzz(
        "text",
        4_000,
        &[TEXT.into()],
        |chance| mutate::bytes(chance, TEXT.as_bytes()),
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            for shown in [plain::plain(&text).into_owned(), c8dr::report::text::plain(&text)] {
                bounded(&shown, 10 * text.len(), plain::is_obeyed)?;
                if plain::plain(&shown) != shown {
                    return Err(format!("{shown:?} is not plain yet"));
                }
            }
            let written = plain::json(serde_json::to_string(&text).unwrap());
            bounded(&written, 13 * text.len() + 2, plain::is_obeyed)?;
            match serde_json::from_str::<String>(&written) {
                Ok(read) if read == text => Ok(()),
                other => Err(format!("{text:?} is read as {other:?}")),
            }
        },
    );
}
