//! For tests: a strict reader of the HTML that reports are written in. It accepts less than browsers do.

const VOID: [&str; 6] = ["meta", "br", "hr", "link", "input", "col"];
const NUMERIC: [&str; 13] =
    ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "viewBox", "data-plot"];

/// Checks that tags nest and close, attributes are quoted and unique, ids are unique, text has no bare `<` or `&`, and
/// every coordinate is a finite number.
pub(crate) fn well_formed(page: &str) -> Result<(), String> {
    let mut open: Vec<String> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        entities(&rest[..at])?;
        rest = &rest[at + 1..];
        if rest.starts_with("!doctype") {
            rest = rest.split_once('>').ok_or("the doctype does not end")?.1;
            continue;
        }
        let end = tag_end(rest)?;
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let expected = open.pop().ok_or_else(|| format!("</{name}> closes nothing"))?;
            if expected != name {
                return Err(format!("</{name}> where </{expected}> belongs"));
            }
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = tag.split_whitespace().next().unwrap_or("").to_string();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(format!("<{tag}> is no tag"));
        }
        attributes(&tag[name.len()..], &mut ids).map_err(|e| format!("<{tag}>: {e}"))?;
        if name == "script" || name == "style" {
            rest = rest.split_once(&format!("</{name}>")).ok_or(format!("<{name}> does not end"))?.1;
        } else if !closed && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    entities(rest)?;
    if open.is_empty() { Ok(()) } else { Err(format!("left open: {open:?}")) }
}

fn tag_end(rest: &str) -> Result<usize, String> {
    let mut quoted = false;
    for (i, b) in rest.bytes().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b'<' if quoted => return Err("< inside an attribute".into()),
            b'>' if !quoted => return Ok(i),
            _ => {}
        }
    }
    Err("a tag does not end".into())
}

fn attributes(text: &str, ids: &mut Vec<String>) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = match rest.split_once("=\"") {
            Some((name, after)) if !name.contains(char::is_whitespace) => (name, after),
            _ => {
                // An attribute without a value, such as `open`.
                let (name, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                if !name.bytes().all(|b| b.is_ascii_lowercase()) {
                    return Err(format!("{name:?} is no attribute"));
                }
                rest = after.trim_start();
                continue;
            }
        };
        let (value, after) = after.split_once('"').ok_or("a value does not end")?;
        entities(value)?;
        if seen.contains(&name) {
            return Err(format!("{name} is given twice"));
        }
        seen.push(name);
        if name == "id" {
            if ids.iter().any(|id| id == value) {
                return Err(format!("id {value} is used twice"));
            }
            ids.push(value.into());
        }
        if NUMERIC.contains(&name) {
            for part in value.split_whitespace() {
                if !part.parse::<f64>().is_ok_and(f64::is_finite) {
                    return Err(format!("{name} is {value:?}"));
                }
            }
        }
        if name == "d" && !value.bytes().all(|b| b"MLHVZhvz0123456789.- ".contains(&b)) {
            return Err(format!("the path {value:?} holds more than coordinates"));
        }
        rest = after.trim_start();
    }
    Ok(())
}

fn entities(text: &str) -> Result<(), String> {
    for part in text.split('&').skip(1) {
        let name = part.split_once(';').map_or("", |(name, _)| name);
        if name.is_empty() || name.len() > 8 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
        {
            return Err(format!("bare & before {:?}", part.chars().take(20).collect::<String>()));
        }
    }
    Ok(())
}

#[test]
fn the_checker_finds_what_is_wrong() {
    for good in [
        "<p class=\"a\">b &amp; c<br></p>",
        "<svg><path d=\"M0 1L2 -3.5\"/></svg>",
        "<script>a<b&&c</script>",
    ] {
        well_formed(good).unwrap_or_else(|e| panic!("{good}: {e}"));
    }
    let bad = [
        "<p>",
        "</p>",
        "<p><b></p></b>",
        "<p a=b></p>",
        "<p>&</p>",
        "<p>a < b</p>",
        "<rect x=\"NaN\"/>",
        "<rect width=\"inf\"/>",
        "<path d=\"M0 inf\"/>",
        "<p id=\"a\"></p><p id=\"a\"></p>",
        "<p a=\"1\" a=\"2\"></p>",
    ];
    for bad in bad {
        assert!(well_formed(bad).is_err(), "{bad} was accepted");
    }
}
