/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/metric.h"
#include "base/text.h"
#include "net/http_client_impl.h"

#define METHOD_BYTES 16
#define URL_BYTES (8192 + 512)
#define SECRET_LINE_BYTES 8192

/* The same for every request. */
static const struct {
	CURLoption option;
	long value;
} fixed_options[] = {
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_UNRESTRICTED_AUTH, 0 },
	{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
	{ CURLOPT_DISALLOW_USERNAME_IN_URL, 1 },
	{ CURLOPT_PATH_AS_IS, 1 },
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS },
	{ CURLOPT_HTTP09_ALLOWED, 0 },
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	{ CURLOPT_TCP_KEEPIDLE, 30 },
	{ CURLOPT_TCP_KEEPINTVL, 15 },
	{ CURLOPT_DNS_CACHE_TIMEOUT, ORCH_HTTP_CLIENT_DNS_S },
	{ CURLOPT_MAXAGE_CONN, ORCH_HTTP_CLIENT_IDLE_S },
	/* Else the end of a request would wait for its name's look-up, and with it the lane. */
	{ CURLOPT_QUICK_EXIT, 1 },
};

/* Connection and message framing are ours, and so is who we are. */
static const char *const core_headers[] = { "Authorization", "Connection", "Content-Length",
	"Cookie", "Expect", "Host", "HTTP2-Settings", "Keep-Alive", "Proxy-Authorization",
	"Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade" };

void orch_http_count_refusal(const char *reason)
{
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_egress_refused_total",
				"Requests that were not let out, by reason.",
				{ "reason", orch_text_from(reason) }),
		1);
}

static int refuse(const char *reason, struct orch_err *err, const char *what)
{
	orch_http_count_refusal(reason);
	return orch_fail(err, ORCH_E_DENIED, "%s", what);
}

/* Notes whom we are about to talk to; a refusal lets curl try the host's next address. */
static bool judge(struct orch_http_flight *flight, const struct sockaddr *address)
{
	const char *refused = orch_egress_refusal(flight->egress, address);

	if (!refused) {
		orch_address_format_port(address, flight->address);
		return true;
	}
	flight->refused = refused;
	orch_address_format(address, flight->refused_ip);
	orch_http_count_refusal(refused);
	return false;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct orch_http_flight *flight = arg;

	(void)purpose;
	if (!judge(flight, &address->addr))
		return CURL_SOCKET_BAD;
	flight->opened[1] = flight->opened[0];
	flight->opened[0] =
		socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return flight->opened[0];
}

/* The same judgement for a connection that an earlier request, of another egress perhaps, has opened. */
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct orch_http_flight *flight = arg;
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };

	(void)local_ip;
	if (!orch_address_parse(ip, (uint16_t)port, &address))
		return CURL_PREREQFUNC_ABORT;
	if (!judge(flight, (const struct sockaddr *)&address))
		return CURL_PREREQFUNC_ABORT;
	if (flight->is_mail)
		orch_http_mail_connected(flight, local_port);
	flight->was_sent = true;
	return CURL_PREREQFUNC_OK;
}

size_t orch_http_read_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct orch_http_flight *flight = arg;
	size_t left = flight->body.len - flight->body_sent;
	size_t len = size * count < left ? size * count : left;

	if (len > 0)
		memcpy(bytes, flight->body.ptr + flight->body_sent, len);
	flight->body_sent += len;
	return len;
}

/*
 * curl rewinds when a kept connection turns out to be dead and it tries anew.
 * The other side may have read the request all the same, so what must not be
 * sent twice is not.
 */
static int rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct orch_http_flight *flight = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > flight->body.len)
		return CURL_SEEKFUNC_FAIL;
	if (!flight->is_repeatable && flight->body_sent > 0)
		return CURL_SEEKFUNC_FAIL;
	flight->body_sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* Built anew from its checked parts: curl never sees what the plugin wrote. */
static bool set_url(struct orch_http_flight *flight)
{
	const struct orch_url *url = &flight->url;
	bool is_ipv6 = memchr(url->host.ptr, ':', url->host.len) != NULL;
	char text[URL_BYTES];

	(void)snprintf(text, sizeof(text), is_ipv6 ? "%.*s://[%.*s]:%u%.*s" : "%.*s://%.*s:%u%.*s",
		ORCH_TEXT_ARG(url->scheme), ORCH_TEXT_ARG(url->host), (unsigned)url->port,
		ORCH_TEXT_ARG(url->target));
	return curl_easy_setopt(flight->easy, CURLOPT_URL, text) == CURLE_OK;
}

static bool set_callbacks(struct orch_http_flight *flight)
{
	CURL *easy = flight->easy;
	bool is_set = true;

	is_set &= curl_easy_setopt(easy, CURLOPT_PRIVATE, flight) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, flight->curl_text) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, flight) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_PREREQDATA, flight) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, orch_http_take_head) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_HEADERDATA, flight) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, orch_http_take_body) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, flight) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_READFUNCTION, orch_http_read_body) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_READDATA, flight) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_SEEKDATA, flight) == CURLE_OK;
	return is_set;
}

static bool set_options(struct orch_http_flight *flight)
{
	const struct orch_http_client *client = flight->client;
	CURL *easy = flight->easy;
	bool is_set = set_url(flight) && set_callbacks(flight);

	for (size_t i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++)
		is_set &= curl_easy_setopt(easy, fixed_options[i].option, fixed_options[i].value) ==
			CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_USERAGENT, "orchestrator") == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
			  flight->is_mail ? "smtp,smtps" : "http,https") == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)flight->timeout_ms) == CURLE_OK;
	is_set &= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_ms) ==
		CURLE_OK;
	if (flight->is_own)
		is_set &= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
				  (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
	/* Who comes while the first connection is made waits to hear whether it can be shared. */
	else if (orch_text_is(flight->url.scheme, "https"))
		is_set &= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L) == CURLE_OK;
	if (client->ca_file) {
		is_set &= curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file) == CURLE_OK;
		is_set &= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
	}
	if (flight->blob) {
		is_set &= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT,
				  (long)ORCH_HTTP_CLIENT_SLOW_BYTES) == CURLE_OK;
		is_set &= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)client->slow_s) ==
			CURLE_OK;
	}
	return is_set;
}

bool orch_http_next_header(struct orch_text *rest, struct orch_text *ret_name,
	struct orch_text *ret_value, int *code, struct orch_err *err)
{
	struct orch_text line = { "", 0 };
	const char *colon;

	while (line.len == 0) {
		if (!orch_text_split(rest, '\n', &line))
			return false;
	}
	colon = memchr(line.ptr, ':', line.len);
	*ret_name = (struct orch_text){ line.ptr, colon ? (size_t)(colon - line.ptr) : 0 };
	if (!orch_egress_is_token(*ret_name)) {
		*code = refuse("header", err, "a header line is not of the form \"Name: value\"");
		return false;
	}
	*ret_value = orch_text_trim((struct orch_text){ colon + 1, line.len - ret_name->len - 1 });
	for (size_t i = 0; i < ret_value->len; i++) {
		unsigned char c = (unsigned char)ret_value->ptr[i];

		if ((c < ' ' && c != '\t') || c == 0x7f) {
			*code = refuse("header", err, "a header's value has a control character");
			return false;
		}
	}
	return true;
}

static bool add_line(struct orch_http_flight *flight, const char *line)
{
	struct curl_slist *list = curl_slist_append(flight->headers, line);

	if (list)
		flight->headers = list;
	return list != NULL;
}

static bool is_cores(struct orch_text name)
{
	for (size_t i = 0; i < sizeof(core_headers) / sizeof(core_headers[0]); i++) {
		if (orch_text_equal_nocase(name, orch_text_from(core_headers[i])))
			return true;
	}
	return false;
}

static int add_header(struct orch_http_flight *flight, struct orch_text name,
	struct orch_text value, struct orch_err *err)
{
	struct orch_buf line;
	bool is_added;

	orch_buf_init(&line, ORCH_HTTP_CLIENT_REQUEST_LINE_BYTES);
	orch_buf_add_text(&line, name);
	/* "Name:" would make curl leave the header out; this is how it writes an empty one. */
	orch_buf_add_string(&line, value.len > 0 ? ": " : ";");
	orch_buf_add_text(&line, value);
	is_added = !line.failed && add_line(flight, line.ptr);
	if (flight->is_own && line.ptr)
		explicit_bzero(line.ptr, line.size);
	orch_buf_fini(&line);
	if (is_added)
		return ORCH_OK;
	return orch_fail(err, ORCH_E_LIMIT, "the header %.*s is longer than %d bytes",
		name.len < 64 ? (int)name.len : 64, name.ptr, ORCH_HTTP_CLIENT_REQUEST_LINE_BYTES);
}

static int add_headers(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err)
{
	const struct orch_credential_entry *credential =
		orch_egress_credential(flight->egress, request->credential);
	struct orch_text rest = request->headers, name, value;
	bool has_type = false, has_accept = !flight->is_own;
	int code = ORCH_OK;

	for (size_t count = 0; code == ORCH_OK; count++) {
		if (!orch_http_next_header(&rest, &name, &value, &code, err))
			break;
		if (count >= ORCH_HTTP_CLIENT_REQUEST_HEADERS)
			return orch_fail(err, ORCH_E_LIMIT, "a request has more than %d headers",
				ORCH_HTTP_CLIENT_REQUEST_HEADERS);
		if (!flight->is_own &&
			(is_cores(name) ||
				(credential && orch_text_equal_nocase(name, credential->header))))
			return refuse("header", err,
				"a plugin must not set a header that is the core's to set");
		has_type |= orch_text_equal_nocase(name, ORCH_TEXT("Content-Type"));
		has_accept |= orch_text_equal_nocase(name, ORCH_TEXT("Accept"));
		code = add_header(flight, name, value, err);
	}
	if (code != ORCH_OK)
		return code;
	/* Else curl would say that the body is a form, and wait for "100 Continue". */
	if (!add_line(flight, "Expect:") || (!has_type && !add_line(flight, "Content-Type:")) ||
		(!has_accept && !add_line(flight, "Accept:")))
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return ORCH_OK;
}

static int add_credential(
	struct orch_http_flight *flight, orch_credential credential, struct orch_err *err)
{
	char line[SECRET_LINE_BYTES];
	int code;

	if (credential == 0)
		return ORCH_OK;
	code = orch_egress_header(flight->egress, credential, line, sizeof(line), err);
	if (code != ORCH_OK)
		return code;
	flight->has_secret = add_line(flight, line);
	explicit_bzero(line, sizeof(line));
	return flight->has_secret ? ORCH_OK : orch_fail(err, ORCH_E_NOMEM, "out of memory");
}

static int check_method(struct orch_text method, bool has_body, struct orch_err *err)
{
	bool is_word = method.len > 0 && method.len < METHOD_BYTES;

	for (size_t i = 0; is_word && i < method.len; i++)
		is_word = method.ptr[i] >= 'A' && method.ptr[i] <= 'Z';
	if (!is_word || orch_text_is(method, "CONNECT") || orch_text_is(method, "TRACE"))
		return refuse("method", err, "the method is none that a plugin may use");
	if (has_body && orch_text_is(method, "HEAD"))
		return orch_fail(err, ORCH_E_INVALID, "a HEAD request cannot have a body");
	return ORCH_OK;
}

/*
 * curl sends a body that lies in memory together with the head, and again
 * if a kept connection turns out to be dead; what must not be sent twice is
 * read by a function that can refuse (rewind_body).
 */
static bool set_body(struct orch_http_flight *flight)
{
	CURL *easy = flight->easy;
	curl_off_t len = (curl_off_t)flight->body.len;

	if (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, len) != CURLE_OK)
		return false;
	if (flight->is_repeatable && len > 0)
		return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, flight->body.ptr) == CURLE_OK;
	return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
}

static int set_method(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err)
{
	struct orch_text method = request->method;
	bool is_get = orch_text_is(method, "GET"), is_head = orch_text_is(method, "HEAD");
	bool sends_body = request->body.len > 0 || orch_text_is(method, "POST") ||
		orch_text_is(method, "PUT") || orch_text_is(method, "PATCH");
	CURL *easy = flight->easy;
	char word[METHOD_BYTES];
	bool is_set = true;

	(void)snprintf(word, sizeof(word), "%.*s", ORCH_TEXT_ARG(method));
	if (is_head)
		is_set &= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (sends_body)
		is_set &= set_body(flight);
	if (!is_head && (!is_get || sends_body))
		is_set &= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, word) == CURLE_OK;
	/* Without a body there is nothing to rewind, hence curl must not reuse a connection. */
	if (!flight->is_repeatable && !is_get && !is_head && request->body.len == 0)
		is_set &= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
	return is_set ? ORCH_OK : orch_fail(err, ORCH_E_NOMEM, "out of memory");
}

static int prepare_http(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err)
{
	int code = check_method(request->method, request->body.len > 0, err);

	if (code == ORCH_OK)
		code = add_headers(flight, request, err);
	if (code == ORCH_OK)
		code = add_credential(flight, request->credential, err);
	if (code != ORCH_OK)
		return code;
	orch_buf_init(&flight->body, request->body.len);
	orch_buf_add_text(&flight->body, request->body);
	if (flight->body.failed)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	code = set_method(flight, request, err);
	if (code != ORCH_OK)
		return code;
	if (curl_easy_setopt(flight->easy, CURLOPT_HTTPHEADER, flight->headers) != CURLE_OK)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return ORCH_OK;
}

static int check_url(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err)
{
	bool is_mail_url;

	if (orch_url_parse(request->url, &flight->url, err) != ORCH_OK) {
		orch_http_count_refusal("url");
		return ORCH_E_DENIED;
	}
	flight->is_mail = orch_text_is(request->method, "MAIL");
	is_mail_url = orch_text_starts_with(flight->url.scheme, ORCH_TEXT("smtp"));
	if (flight->is_mail != is_mail_url)
		return refuse("url", err,
			flight->is_mail ? "MAIL goes to smtp:// or smtps:// only"
					: "only MAIL goes to smtp:// or smtps://");
	if (orch_egress_check_credential(flight->egress, request->credential, &flight->url, err) ==
		ORCH_OK)
		return ORCH_OK;
	orch_http_count_refusal("credential");
	return ORCH_E_DENIED;
}

int orch_http_request_prepare(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err)
{
	int code = check_url(flight, request, err);

	if (code != ORCH_OK)
		return code;
	if (!set_options(flight))
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	if (flight->is_mail)
		return orch_http_mail_prepare(flight, request, err);
	return prepare_http(flight, request, err);
}
