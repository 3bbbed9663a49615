/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request becomes a mail: From:, To:, Cc: and Bcc: give the envelope, all
 * headers but Bcc: and the body give the message.  curl adds the dots.
 */
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/http_client_impl.h"

#define MESSAGE_BYTES (16 * 1024 * 1024)
#define ADDRESS_BYTES 254
#define LOGIN_BYTES 1024

struct mail {
	struct orch_http_flight *flight;
	struct orch_buf message;
	bool has_date, has_version, has_type, has_encoding;
	char from[ADDRESS_BYTES + 3]; /* "<a@b>" */
	size_t recipients;
	struct orch_err *err;
};

static bool is_address(struct orch_text text)
{
	const char *at = text.len > 0 ? memchr(text.ptr, '@', text.len) : NULL;

	if (!at || at == text.ptr || at == text.ptr + text.len - 1 || text.len > ADDRESS_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *c = &text.ptr[i];

		if (*c <= ' ' || *c > '~' || strchr("<>()[]\",;:\\", *c) || (*c == '@' && c != at))
			return false;
	}
	return true;
}

/* "Jane Roe <jane@example.com>" or the address alone, as "<jane@example.com>". */
static int read_mailbox(struct mail *mail, struct orch_text text, char ret[ADDRESS_BYTES + 3])
{
	const char *open;

	text = orch_text_trim(text);
	open = text.len > 0 ? memrchr(text.ptr, '<', text.len) : NULL;
	if (open && text.ptr[text.len - 1] == '>') {
		text.len -= (size_t)(open - text.ptr) + 2;
		text.ptr = open + 1;
	}
	if (!is_address(text))
		return orch_fail(mail->err, ORCH_E_INVALID,
			"an address of the mail is not of the form \"name@host\"");
	(void)snprintf(ret, ADDRESS_BYTES + 3, "<%.*s>", ORCH_TEXT_ARG(text));
	return ORCH_OK;
}

/* Cuts the next mailbox off *REST; a comma within quotes is part of a name. */
static bool next_mailbox(struct orch_text *rest, struct orch_text *ret_mailbox)
{
	bool is_quoted = false;
	size_t len = 0;

	if (rest->len == 0)
		return false;
	for (; len < rest->len && (is_quoted || rest->ptr[len] != ','); len++) {
		if (rest->ptr[len] == '\\' && is_quoted && len + 1 < rest->len)
			len++;
		else if (rest->ptr[len] == '"')
			is_quoted = !is_quoted;
	}
	*ret_mailbox = (struct orch_text){ rest->ptr, len };
	len += len < rest->len;
	rest->ptr += len;
	rest->len -= len;
	return true;
}

static int add_recipient(struct mail *mail, struct orch_text mailbox)
{
	char address[ADDRESS_BYTES + 3];
	struct curl_slist *list;
	int code = read_mailbox(mail, mailbox, address);

	if (code != ORCH_OK)
		return code;
	if (++mail->recipients > ORCH_HTTP_CLIENT_RECIPIENTS)
		return orch_fail(mail->err, ORCH_E_LIMIT, "a mail has more than %d recipients",
			ORCH_HTTP_CLIENT_RECIPIENTS);
	list = curl_slist_append(mail->flight->recipients, address);
	if (!list)
		return orch_fail(mail->err, ORCH_E_NOMEM, "out of memory");
	mail->flight->recipients = list;
	return ORCH_OK;
}

/* One mailbox a line keeps the header within SMTP's line length. */
static int add_recipients(struct mail *mail, struct orch_text name, struct orch_text value)
{
	bool is_hidden = orch_text_equal_nocase(name, ORCH_TEXT("Bcc"));
	struct orch_text rest = value, mailbox;
	int code = ORCH_OK;

	for (bool is_first = true; code == ORCH_OK && next_mailbox(&rest, &mailbox);
		is_first = false) {
		code = add_recipient(mail, mailbox);
		mailbox = orch_text_trim(mailbox);
		if (!is_hidden && is_first)
			orch_buf_printf(&mail->message, "%.*s: ", ORCH_TEXT_ARG(name));
		if (!is_hidden)
			orch_buf_printf(&mail->message, "%s%.*s", is_first ? "" : ",\r\n ",
				ORCH_TEXT_ARG(mailbox));
	}
	if (!is_hidden && value.len > 0)
		orch_buf_add_string(&mail->message, "\r\n");
	return code;
}

static bool is_ascii(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

static int add_other(struct mail *mail, struct orch_text name, struct orch_text value)
{
	mail->has_date |= orch_text_equal_nocase(name, ORCH_TEXT("Date"));
	mail->has_version |= orch_text_equal_nocase(name, ORCH_TEXT("MIME-Version"));
	mail->has_type |= orch_text_equal_nocase(name, ORCH_TEXT("Content-Type"));
	mail->has_encoding |= orch_text_equal_nocase(name, ORCH_TEXT("Content-Transfer-Encoding"));
	if (!orch_text_is_utf8(value))
		return orch_fail(mail->err, ORCH_E_INVALID, "a header of the mail is not UTF-8");
	if (name.len + value.len > 900 && is_ascii(value))
		return orch_fail(mail->err, ORCH_E_LIMIT, "a header of the mail is too long");
	orch_buf_printf(&mail->message, "%.*s: ", ORCH_TEXT_ARG(name));
	orch_http_mime_header(&mail->message, value);
	orch_buf_add_string(&mail->message, "\r\n");
	return ORCH_OK;
}

static int add_header(struct mail *mail, struct orch_text name, struct orch_text value)
{
	bool is_from = orch_text_equal_nocase(name, ORCH_TEXT("From"));
	bool is_to = orch_text_equal_nocase(name, ORCH_TEXT("To")) ||
		orch_text_equal_nocase(name, ORCH_TEXT("Cc")) ||
		orch_text_equal_nocase(name, ORCH_TEXT("Bcc"));

	if ((is_from || is_to) && !is_ascii(value))
		return orch_fail(mail->err, ORCH_E_INVALID, "the mail's addresses must be ASCII");
	if (is_to)
		return add_recipients(mail, name, value);
	if (is_from && mail->from[0])
		return orch_fail(mail->err, ORCH_E_INVALID, "the mail has two From: headers");
	if (is_from && read_mailbox(mail, value, mail->from) != ORCH_OK)
		return ORCH_E_INVALID;
	return add_other(mail, name, value);
}

static int add_headers(struct mail *mail, struct orch_text headers)
{
	struct orch_text rest = headers, name, value;
	int code = ORCH_OK;

	for (size_t count = 0; code == ORCH_OK; count++) {
		if (!orch_http_next_header(&rest, &name, &value, &code, mail->err))
			break;
		if (count >= ORCH_HTTP_CLIENT_REQUEST_HEADERS)
			return orch_fail(mail->err, ORCH_E_LIMIT, "a mail has more than %d headers",
				ORCH_HTTP_CLIENT_REQUEST_HEADERS);
		code = add_header(mail, name, value);
	}
	if (code == ORCH_OK && (!mail->from[0] || mail->recipients == 0))
		return orch_fail(mail->err, ORCH_E_INVALID,
			"a mail needs the headers From: and To: with an address each");
	return code;
}

static void add_date(struct orch_buf *message)
{
	time_t now = (time_t)(orch_clock_now_ms() / 1000);
	char text[64] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %T +0000", &tm) > 0)
		orch_buf_printf(message, "Date: %s\r\n", text);
}

static void add_body(struct mail *mail, struct orch_text body)
{
	bool encode = !mail->has_encoding && orch_http_mime_needs_encoding(body);

	if (!mail->has_date)
		add_date(&mail->message);
	if (!mail->has_version)
		orch_buf_add_string(&mail->message, "MIME-Version: 1.0\r\n");
	if (!mail->has_type)
		orch_buf_add_string(&mail->message, "Content-Type: text/plain; charset=utf-8\r\n");
	if (encode)
		orch_buf_add_string(
			&mail->message, "Content-Transfer-Encoding: quoted-printable\r\n");
	orch_buf_add_string(&mail->message, "\r\n");
	orch_http_mime_body(&mail->message, body, encode);
}

static bool is_this_machine(struct orch_text host)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	uint8_t bytes[16];
	const char *kind;

	if (orch_text_is(host, "localhost"))
		return true;
	if (!orch_address_parse(host.ptr, 0, &address) ||
		!orch_address_from((const struct sockaddr *)&address, bytes))
		return false;
	kind = orch_address_kind(bytes);
	return kind && strcmp(kind, "loopback") == 0;
}

/* NAME and PASSWORD have LOGIN_BYTES each; the caller wipes them. */
static int split_login(
	const struct orch_credential_entry *entry, char *name, char *password, struct orch_err *err)
{
	struct orch_text secret = ORCH_TEXT_NONE;
	const char *colon;

	if (entry->scheme == ORCH_SCHEME_BASIC && entry->secret)
		secret = orch_secret_text(entry->secret);
	colon = secret.len > 0 ? memchr(secret.ptr, ':', secret.len) : NULL;
	if (!colon || secret.len >= LOGIN_BYTES || strcspn(secret.ptr, "\r\n") != secret.len)
		return orch_fail(err, ORCH_E_DENIED,
			"credential %.*s is no \"user:password\" with scheme \"basic\"",
			ORCH_TEXT_ARG(entry->name));
	(void)snprintf(name, LOGIN_BYTES, "%.*s", (int)(colon - secret.ptr), secret.ptr);
	(void)snprintf(password, LOGIN_BYTES, "%.*s",
		(int)(secret.len - (size_t)(colon - secret.ptr) - 1), colon + 1);
	return ORCH_OK;
}

/* A password goes over smtp:// only once STARTTLS has made it private, but to this very machine. */
static int set_login(
	struct orch_http_flight *flight, orch_credential credential, struct orch_err *err)
{
	const struct orch_credential_entry *entry =
		orch_egress_credential(flight->egress, credential);
	bool must_hide = entry && !is_this_machine(flight->url.host);
	char name[LOGIN_BYTES], password[LOGIN_BYTES];
	bool is_set = curl_easy_setopt(flight->easy, CURLOPT_USE_SSL,
			      must_hide ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY) == CURLE_OK;
	int code;

	if (entry) {
		code = split_login(entry, name, password, err);
		if (code != ORCH_OK)
			return code;
		is_set &= curl_easy_setopt(flight->easy, CURLOPT_USERNAME, name) == CURLE_OK;
		is_set &= curl_easy_setopt(flight->easy, CURLOPT_PASSWORD, password) == CURLE_OK;
		explicit_bzero(name, sizeof(name));
		explicit_bzero(password, sizeof(password));
	}
	return is_set ? ORCH_OK : orch_fail(err, ORCH_E_NOMEM, "out of memory");
}

static bool is_connection(const struct orch_http_flight *flight, curl_socket_t fd, int local_port)
{
	struct sockaddr_storage ours = { .ss_family = AF_UNSPEC }, theirs = ours;
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);
	char text[ORCH_ADDRESS_CHARS], port[16];
	const char *colon;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&ours, &ours_len) < 0 ||
		getpeername(fd, (struct sockaddr *)&theirs, &theirs_len) < 0)
		return false;
	orch_address_format_port((const struct sockaddr *)&theirs, text);
	if (strcmp(text, flight->address) != 0)
		return false;
	orch_address_format_port((const struct sockaddr *)&ours, text);
	(void)snprintf(port, sizeof(port), "%d", local_port);
	colon = strrchr(text, ':');
	return colon && strcmp(colon + 1, port) == 0;
}

/* Of two families that were tried, curl has closed one, and its number may be another's by now. */
void orch_http_mail_connected(struct orch_http_flight *flight, int local_port)
{
	for (size_t i = 0; i < 2; i++) {
		if (is_connection(flight, flight->opened[i], local_port))
			flight->mail_fd = flight->opened[i];
	}
}

/*
 * When a connection ends, curl says QUIT and blocks until that is answered.
 * Once the answer that counts is there, nothing more is read, so that QUIT is
 * sent and nobody waits.  Hence also a connection for each mail.
 */
static void stop_reading(const struct orch_http_flight *flight)
{
	if (flight->mail_fd >= 0)
		(void)shutdown(flight->mail_fd, SHUT_RD);
}

static bool is_refusal(struct orch_text line)
{
	return line.len > 0 && (line.ptr[0] == '4' || line.ptr[0] == '5');
}

/* The line that refuses stays; else the last one does. */
void orch_http_mail_take_line(struct orch_http_flight *flight, struct orch_text line)
{
	bool is_last = line.len > 3 && line.ptr[3] == ' ';

	if (flight->shown.len > 0 && is_refusal(orch_buf_text(&flight->shown)))
		return;
	orch_buf_reset(&flight->shown);
	orch_buf_add_text(&flight->shown, line);
	if (is_last && (flight->is_mail_data || is_refusal(line)))
		stop_reading(flight);
	flight->is_mail_data |= orch_text_starts_with(line, ORCH_TEXT("354"));
}

static int set_envelope(struct mail *mail)
{
	struct orch_http_flight *flight = mail->flight;
	CURL *easy = flight->easy;
	bool is_set = !mail->message.failed;

	is_set &= curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_SASL_IR, 1L) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
			  (long)ORCH_HTTP_CLIENT_MAIL_ANSWER_S) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail->from) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, flight->recipients) == CURLE_OK;
	flight->body = mail->message;
	return is_set ? ORCH_OK : orch_fail(mail->err, ORCH_E_NOMEM, "out of memory");
}

int orch_http_mail_prepare(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err)
{
	struct mail mail = { .flight = flight, .err = err };
	int code;

	if (request->body.len > MESSAGE_BYTES / 4)
		return orch_fail(
			err, ORCH_E_LIMIT, "a mail has more than %d bytes", MESSAGE_BYTES / 4);
	orch_buf_init(&mail.message, MESSAGE_BYTES);
	code = add_headers(&mail, request->headers);
	if (code == ORCH_OK)
		code = set_login(flight, request->credential, err);
	if (code != ORCH_OK) {
		orch_buf_fini(&mail.message);
		return code;
	}
	add_body(&mail, request->body);
	return set_envelope(&mail);
}
