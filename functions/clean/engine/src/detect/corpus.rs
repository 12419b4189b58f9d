//! How well secrets and national ID numbers are found, on a corpus of our own.
//!
//! It is drawn from the formats that issuers publish and from texts that only look alike, both
//! written as patterns, so that nothing here is a secret or resembles one. In a pattern `{h40}` stands for 40
//! lower-case hexadecimal digits; the other letters are listed in [`Draw::piece`].

use super::{Detector, HitKind, number::national};

/// Texts drawn from each pattern.
const DRAWS: usize = 40;

/// Secrets, by their published formats.
const SECRETS: &[&str] = &[
    "AKIA{X16}",
    "ASIA{X16}",
    "AIza{u35}",
    "GOCSPX-{u28}",
    "ya29.{u120}",
    "ABSK{b130}",
    "LTAI{a20}",
    "AccountKey={b86}==",
    "SharedAccessKey={b43}=",
    "aws_secret_access_key = {b40}",
    "AWS_SECRET_ACCESS_KEY={b40}",
    "\"secretAccessKey\": \"{b40}\"",
    "{a3}{d1}Q~{u34}",
    "gh{g1}_{a36}",
    "github_pat_{a22}_{a59}",
    "glpat-{u20}",
    "glptt-{h40}",
    "xoxb-{d12}-{d13}-{a24}",
    "xoxp-{d12}-{d12}-{d13}-{h32}",
    "xapp-1-A{X10}-{d13}-{h64}",
    "https://hooks.slack.com/services/T{X10}/B{X10}/{a24}",
    "https://discord.com/api/webhooks/{d18}/{u68}",
    "sk_live_{a24}",
    "rk_live_{a99}",
    "sk-proj-{u74}T3BlbkFJ{u74}",
    "sk-{a48}",
    "sk-ant-api03-{u93}AA",
    "sk-or-v1-{h64}",
    "sk-lf-{uuid}",
    "xai-{a80}",
    "gsk_{a52}",
    "hf_{l34}",
    "api_org_{l34}",
    "r8_{a37}",
    "pplx-{a48}",
    "nvapi-{u64}",
    "fw_{a24}",
    "csk-{z48}",
    "jina_{a64}",
    "pcsk_{a6}_{a63}",
    "tgp_v1_{u43}",
    "lsv2_pt_{h32}_{h10}",
    "tvly-dev-{a32}",
    "dapi{h32}",
    "SG.{u22}.{u43}",
    "key-{h32}",
    "SK{h32}",
    "xkeysib-{h64}-{a16}",
    "shpat_{h32}",
    "whsec_{a32}",
    "rzp_live_{a14}",
    "sq0atp-{u22}",
    "npm_{a36}",
    "pypi-AgEIcHlwaS5vcmc{u150}",
    "rubygems_{h48}",
    "cio{a32}",
    "dckr_pat_{u27}",
    "hvs.{u90}",
    "{a14}.atlasv1.{u67}",
    "dop_v1_{h64}",
    "sbp_{h40}",
    "sb_secret_{u31}",
    "pscale_pw_{u43}",
    "napi_{z64}",
    "nfp_{a36}",
    "rnd_{a32}",
    "lin_api_{a40}",
    "ntn_{d11}{a35}",
    "figd_{u40}",
    "PMAK-{h24}-{h34}",
    "pat-na1-{uuid}",
    "NRAK-{X27}",
    "glsa_{a32}_{h8}",
    "sntryu_{h64}",
    "CFPAT-{u43}",
    "ATATT3xFfGF0{b172}={X8}",
    "access-production-{uuid}",
    "tskey-auth-{a12}CNTRL-{a32}",
    "AGE-SECRET-KEY-1{B58}",
    "eyJ{u33}.eyJ{u80}.{u43}",
    "Authorization: Bearer {u43}",
    "Authorization: Basic {b40}",
    "{d9}:AA{u33}",
    "{h32}-us12",
    "pat{a14}.{h64}",
    "EAAA{u60}",
    "AQ.A{u49}",
    "https://acme.blob.core.windows.net/c/f.csv?sv=2024-11-04&sp=r&sig={b43}%3D",
    "CLOUDFLARE_API_TOKEN={u40}",
    "api_token: {a40}",
    "TWILIO_AUTH_TOKEN={h32}",
    "DISCORD_TOKEN=M{a23}.{u6}.{u38}",
    "vercel_token={a24}",
    "aws_session_token = {b200}",
    "jdbc:postgresql://db/prod?user=app&password={a14}",
    "DB_PASSWORD=Xk{d1}#m{a4}$v{a3}{d1}p",
    "postgres://app:{a16}@db.internal:5432/prod",
    "mongodb+srv://admin:{a12}@cluster0.mongodb.net/shop",
    "amqps://svc:{a20}@mq.internal",
    "api_key = \"{a32}\"",
    "API_KEY={a40}",
    "\"client_secret\": \"{a36}\"",
    "password: {a16}",
    "-----BEGIN {p}PRIVATE KEY-----\n{b64}\n{b64}\n-----END {p}PRIVATE KEY-----",
    "\"private_key_id\": \"{h40}\"",
];

/// Texts in which nothing is secret.
const PLAIN: &[&str] = &[
    "commit {h40} fixes it",
    "the digest is sha256:{h64}",
    "sha512-{b86}==",
    "the request {uuid} failed",
    "md5 {h32} of the file",
    "data:image/png;base64,{b200}",
    "https://example.com/orders/{d10}?page={d2}&ref={h8}",
    "https://cdn.example.com/assets/app.{h20}.js",
    "order no. {d10}, parcel {X18}",
    "serial number {X12}-{X4}",
    "AKIAIOSFODNN7EXAMPLE is the key of the documentation",
    "api_key = os.environ[\"MY_API_KEY_{d4}\"]",
    "api_key=YOUR_API_KEY_HERE",
    "api_key: <your api key>",
    "password: correct-horse-battery-staple",
    "password = getpass.getpass()",
    "password: ${DATABASE_PASSWORD_{d4}}",
    "client_secret = config.oauth.client_secret",
    "access_token = response.json()[\"access_token\"]",
    "postgres://user:password@localhost:5432/db",
    "postgres://user:${PASSWORD}@localhost/db{d2}",
    "https://example.com:8080/user@host-{d4}",
    "ssh://git@example.com/team/repo-{d4}.git",
    "Bearer tokens are sent in a header since version {d2}",
    "Authorization: Bearer <token-{d4}>",
    "the sk-learn package has version 1.{d1}.{d1}",
    "task-{d4}-of-the-risk-management-plan-{d4}",
    "the class is called sk-loading-spinner-animation-container-{d2}",
    "key-value-store-number-{d4}",
    "https://huggingface.co/org/model_{d4}/resolve/main/hf_config_{d4}.json",
    "hf_hub_download(repo_id=\"org/model-{d4}\")",
    "run re_compile_pattern_{d4} on it",
    "npm_config_registry_{d4} is set",
    "xai-org/grok-{d1} on GitHub",
    "dapi is an API; dapi{d4} its port",
    "the SKU SK{d6} costs ${d2}.{d2}",
    "isbn 978-{d1}-{d4}-{d4}-{d1}",
    "{d4}-{d2}-{d2}T{d2}:{d2}:{d2}.{d6}Z",
    "trace 00-{h32}-{h16}-01",
    "arn:aws:iam::{d12}:role/service-role-{d4}",
    "gs://bucket-{h12}/path/{uuid}.parquet",
    "-----BEGIN CERTIFICATE-----\n{b64}\n{b64}\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\n{b64}\n-----END PUBLIC KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{b43} user@host",
    "window.__STATE__.{a12}.internationalization()",
    "the eyJ prefix of {u20} is base64 of a brace",
    "def test_secret_scanner_finds_{d4}():",
    "secret_name = projects/{d12}/secrets/db",
    "bot number {d9}: ready",
    "next_page_token: {u40}",
    "csrf_token={h32}",
    "max_tokens = {d4}, and the tokenizer is bert-base-uncased-{d4}",
    "token: the-quick-brown-fox-{d2}",
    "password = request.form.get(\"password{d2}\")",
    "the secret: read chapter_{d2}_of_the_book",
    "sort_key: {h12}",
    "tokens per second: {d4}.{d4}",
    "Basic arithmetic for grade {d1}",
    "signature&sig=none",
];

/// Texts around a secret.
const AROUND: &[(&str, &str)] = &[
    ("", ""),
    ("use ", " for it, please"),
    ("so:\n", "\nand nothing else"),
    ("`", "`"),
    ("The value is ", "."),
];

/// Draws texts, always the same ones.
struct Draw(u64);

impl Draw {
    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ word >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn of(&mut self, alphabet: &[u8], length: usize) -> String {
        let one = |_| char::from(alphabet[self.below(alphabet.len())]);
        (0..length).map(one).collect()
    }

    /// What stands for `{…}`.
    fn piece(&mut self, name: &str) -> String {
        const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        const MIXED: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_";
        if name == "uuid" {
            let groups = [8, 4, 4, 4, 12].map(|length| self.hex(length));
            return groups.join("-");
        }
        if name == "p" {
            return ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "][self.below(5)].to_owned();
        }
        let (kind, length) = name.split_at(1);
        let length: usize = length.parse().unwrap();
        match kind {
            "d" => self.of(b"0123456789", length),
            "h" => self.hex(length),
            "a" => self.of(&MIXED[..62], length),
            "l" => self.of(&MIXED[..52], length),
            "z" => self.of(LOWER, length),
            "b" => self.of(&MIXED[..64], length),
            // No mark at the ends, as issuers draw them.
            "u" => {
                let inner: Vec<u8> = [&MIXED[..62], b"-_"].concat();
                self.of(&MIXED[..62], 1) + &self.of(&inner, length - 2) + &self.of(&MIXED[..62], 1)
            }
            "X" => self.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", length),
            "B" => self.of(b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", length),
            "g" => self.of(b"pousr", length),
            _ => panic!("no such piece: {name}"),
        }
    }

    fn hex(&mut self, length: usize) -> String {
        self.of(b"0123456789abcdef", length)
    }

    fn text(&mut self, pattern: &str) -> String {
        let mut text = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let piece = after.split_once('}').filter(|(name, _)| is_piece(name));
            text.push_str(before);
            match piece {
                Some((name, after)) => {
                    text.push_str(&self.piece(name));
                    rest = after;
                }
                None => {
                    text.push('{');
                    rest = after;
                }
            }
        }
        text + rest
    }
}

fn is_piece(name: &str) -> bool {
    let numbered = name
        .get(1..)
        .is_some_and(|digits| digits.parse::<usize>().is_ok());
    numbered || matches!(name, "uuid" | "p")
}

/// Whether any of `kinds` is found in `text`, as it is in a row.
fn finds(detector: &Detector, text: &str, kinds: &[HitKind]) -> bool {
    let text = crate::json::Text::of(text);
    let hits = detector.find(text.escaped());
    hits.iter().any(|hit| kinds.contains(&hit.kind))
}

/// Whether the parser notes that a row with `text` may hold a secret.
fn is_noticed(text: &str) -> bool {
    let row = serde_json::json!({"input": text}).to_string();
    let classes = crate::json::parse(&row).unwrap().byte_classes;
    classes.has_any(crate::byte_classes::ByteClasses::TOKEN)
}

/// Recall and precision in percent, from how often something is found where it is, and where nothing is.
#[track_caller]
fn check(what: &str, found: usize, all: usize, wrong: usize) {
    // In hundredths of a percent.
    let share = |part: usize, whole: usize| part * 10_000 / whole;
    let (recall, precision) = (share(found, all), share(found, found + wrong));
    println!(
        "{what}: recall {}.{:02} % of {all}, precision {}.{:02} % ({wrong} wrong)",
        recall / 100,
        recall % 100,
        precision / 100,
        precision % 100
    );
    assert!(recall >= 9_500 && precision >= 9_900, "{what}");
}

#[test]
fn secrets_are_found_and_hardly_anything_else() {
    let detector = Detector::new([true; HitKind::ALL.len()]);
    let kinds = [HitKind::CloudKey, HitKind::Token, HitKind::PrivateKey];
    let mut draw = Draw(15);
    let (mut found, mut all) = (0, 0);
    for pattern in SECRETS {
        let mut of_pattern = 0;
        for turn in 0..DRAWS {
            let (before, after) = AROUND[turn % AROUND.len()];
            let text = format!("{before}{}{after}", draw.text(pattern));
            let is_found = finds(&detector, &text, &kinds) && is_noticed(&text);
            of_pattern += usize::from(is_found);
        }
        if of_pattern < DRAWS {
            println!("{of_pattern} of {DRAWS}: {pattern}");
        }
        (found, all) = (found + of_pattern, all + DRAWS);
    }
    let mut wrong = 0;
    for pattern in PLAIN {
        let texts: Vec<String> = (0..2 * DRAWS).map(|_| draw.text(pattern)).collect();
        let of_pattern = texts
            .iter()
            .filter(|text| finds(&detector, text, &kinds))
            .count();
        if of_pattern > 0 {
            println!("{of_pattern} wrong: {pattern}");
        }
        wrong += of_pattern;
    }
    check("secrets", found, all, wrong);
}

#[test]
fn national_numbers_are_found_by_their_check_digits() {
    let detector = Detector::new([true; HitKind::ALL.len()]);
    let kinds = [HitKind::NationalId];
    let mut draw = Draw(16);
    let (mut found, mut all, mut wrong) = (0, 0, 0);
    for (name, shape, is_valid) in national::samples() {
        let mut of_country = 0;
        let mut valid = 0;
        while valid < DRAWS {
            let number = draw_number(&mut draw, shape);
            if is_valid(&number) {
                valid += 1;
                of_country += usize::from(finds(&detector, &format!("{name} {number}."), &kinds));
            }
            // Without its name it is a number like others, and with a wrong digit it is none.
            let unnamed = format!("the parcel {number} is late");
            let is_plain = !name.is_empty();
            wrong += usize::from(is_plain && finds(&detector, &unnamed, &kinds));
        }
        if of_country < DRAWS {
            println!("{of_country} of {DRAWS}: {name} {shape}");
        }
        (found, all) = (found + of_country, all + DRAWS);
    }
    check("national numbers", found, all, wrong);
}

/// A number of this shape: `d` is a digit, `A` a capital letter.
fn draw_number(draw: &mut Draw, shape: &str) -> String {
    let one = |c| match c {
        'd' => draw.piece("d1"),
        'A' => draw.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1),
        other => other.to_string(),
    };
    shape.chars().map(one).collect()
}
