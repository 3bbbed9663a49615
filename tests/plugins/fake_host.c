/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_host.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/hmac.h>

#include "fake_settings.h"

struct kept {
	struct kept *next;
	_Alignas(max_align_t) char bytes[];
};

void *fake_alloc(struct fake *fake, size_t size)
{
	struct kept *kept = calloc(1, sizeof(*kept) + size);

	assert_non_null(kept);
	kept->next = fake->memory;
	fake->memory = kept;
	return kept->bytes;
}

char *fake_keep(struct fake *fake, struct orch_text text)
{
	char *copy = fake_alloc(fake, text.len + 1);

	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

static struct orch_text keep_text(struct fake *fake, struct orch_text text)
{
	return (struct orch_text){ fake_keep(fake, text), text.len };
}

struct orch_text fake_text(const char *string)
{
	return (struct orch_text){ string, strlen(string) };
}

char *fake_json(struct fake *fake, const char *fmt, ...)
{
	size_t size = 64 * 1024;
	char *text = fake_alloc(fake, size);
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, size, fmt, ap);
	va_end(ap);
	assert_true(len >= 0 && (size_t)len < size);
	for (char *at = strchr(text, '\''); at != NULL; at = strchr(at, '\''))
		*at = '"';
	return text;
}

static struct fake *fake_of(const struct orch_host *host)
{
	union {
		const struct orch_host *in;
		struct fake *out;
	} way = { .in = host };

	return way.out;
}

ORCH_PRINTF(3, 4)
static void host_log(const struct orch_host *host, int level, const char *fmt, ...)
{
	(void)host, (void)level, (void)fmt;
}

static int host_emit(struct orch_sink *sink, const struct orch_event *event)
{
	struct fake *fake = sink->fake;
	struct orch_event *copy = fake_alloc(fake, sizeof(*copy));
	struct orch_field *fields = fake_alloc(fake, (event->field_count + 1) * sizeof(*fields));
	struct orch_part *parts = fake_alloc(fake, (event->part_count + 1) * sizeof(*parts));

	*copy = *event;
	copy->id = keep_text(fake, event->id);
	copy->type = keep_text(fake, event->type);
	copy->tenant = keep_text(fake, event->tenant);
	copy->actor = keep_text(fake, event->actor);
	copy->order = keep_text(fake, event->order);
	copy->data = keep_text(fake, event->data);
	copy->alias = keep_text(fake, event->alias);
	for (size_t i = 0; i < event->field_count; i++) {
		fields[i].name = keep_text(fake, event->fields[i].name);
		fields[i].value = keep_text(fake, event->fields[i].value);
	}
	for (size_t i = 0; i < event->part_count; i++) {
		parts[i] = event->parts[i];
		parts[i].name = keep_text(fake, event->parts[i].name);
		parts[i].media_type = keep_text(fake, event->parts[i].media_type);
		parts[i].bytes = keep_text(fake, event->parts[i].bytes);
		parts[i].note = keep_text(fake, event->parts[i].note);
		parts[i].alias = keep_text(fake, event->parts[i].alias);
	}
	copy->fields = fields;
	copy->parts = parts;
	assert_true(sink->event_count < FAKE_KEPT);
	sink->events[sink->event_count++] = copy;
	return ORCH_OK;
}

static int host_report(struct orch_sink *sink, const struct orch_finding *finding)
{
	size_t limit = sink->findings_limit == 0 ? FAKE_KEPT : sink->findings_limit;

	if (sink->finding_count == limit)
		return ORCH_E_LIMIT;
	sink->findings[sink->finding_count] = *finding;
	sink->findings[sink->finding_count++].rule = keep_text(sink->fake, finding->rule);
	return ORCH_OK;
}

static int host_derive(struct orch_sink *sink, const struct orch_record *record)
{
	(void)sink, (void)record;
	return ORCH_OK;
}

static int host_reject(struct orch_sink *sink, const char *reason)
{
	(void)sink, (void)reason;
	return ORCH_OK;
}

static void mac_of(const char *secret, const struct orch_text *pieces, size_t count, char hex[65])
{
	unsigned char *all;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	all = malloc(len + 1);
	assert_non_null(all);
	len = 0;
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].len > 0)
			memcpy(all + len, pieces[i].ptr, pieces[i].len);
		len += pieces[i].len;
	}
	assert_non_null(HMAC(EVP_sha256(), secret, (int)strlen(secret), all, len, mac, &mac_len));
	for (unsigned int i = 0; i < mac_len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	free(all);
}

static bool host_verify_hmac(const struct orch_host *host, orch_credential key,
	const struct orch_text *pieces, size_t count, struct orch_text mac)
{
	struct fake *fake = fake_of(host);
	char hex[65];

	assert_true(key > 0 && key < 8 && fake->secrets[key] != NULL);
	mac_of(fake->secrets[key], pieces, count, hex);
	return mac.len == 64 && memcmp(mac.ptr, hex, 64) == 0;
}

void fake_sign(const char *secret, const char *timestamp, struct orch_text body, char mac[68])
{
	const struct orch_text pieces[] = { { "v0:", 3 }, fake_text(timestamp), { ":", 1 }, body };

	(void)snprintf(mac, 4, "v0=");
	mac_of(secret, pieces, 4, mac + 3);
}

static int host_mark(
	struct orch_sink *sink, struct orch_text part, uint32_t state, const char *note)
{
	assert_true(sink->mark_count < FAKE_KEPT);
	sink->marks[sink->mark_count].part = fake_keep(sink->fake, part);
	sink->marks[sink->mark_count].note = fake_keep(sink->fake, fake_text(note));
	sink->marks[sink->mark_count++].state = state;
	return ORCH_OK;
}

static int host_render(struct orch_sink *sink, const struct orch_template *form, const char *target,
	struct orch_text *ret_text)
{
	(void)target;
	*ret_text = fake_render(sink->fake, form, sink->task);
	return ORCH_OK;
}

static void host_count(const struct orch_host *host, const char *metric, uint64_t by)
{
	struct fake *fake = fake_of(host);

	(void)by;
	if (fake->counted_count < FAKE_KEPT)
		fake->counted[fake->counted_count++] = fake_keep(fake, fake_text(metric));
}

static uint64_t host_now_ms(const struct orch_host *host)
{
	struct fake *fake = fake_of(host);

	fake->now_ms += fake->tick_ms;
	return fake->now_ms;
}

ORCH_PRINTF(3, 4)
static void host_alarm(const struct orch_host *host, const char *name, const char *fmt, ...)
{
	struct fake *fake = fake_of(host);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fake->alarm_count < FAKE_KEPT)
		fake->alarms[fake->alarm_count++] = fake_keep(fake, fake_text(name));
}

static int host_outcome(struct orch_sink *sink, const char *name, const char *detail)
{
	sink->outcome = fake_keep(sink->fake, fake_text(name));
	sink->detail = fake_keep(sink->fake, fake_text(detail));
	return ORCH_OK;
}

static const struct orch_host services = {
	.size = sizeof(services),
	.log = host_log,
	.emit = host_emit,
	.report = host_report,
	.derive = host_derive,
	.reject = host_reject,
	.verify_hmac = host_verify_hmac,
	.mark = host_mark,
	.render = host_render,
	.count = host_count,
	.now_ms = host_now_ms,
	.alarm = host_alarm,
	.outcome = host_outcome,
};

/* Plugins stay loaded, as in the core. */
static const struct orch_plugin *load(const char *name)
{
	char file[1024];
	void *object;
	const struct orch_plugin *plugin;

	(void)snprintf(file, sizeof(file), "%s/%s.so", TEST_PLUGIN_DIR, name);
	object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL)
		fail_msg("%s", dlerror());
	plugin = dlsym(object, "orch_plugin");
	assert_non_null(plugin);
	assert_string_equal(plugin->name, name);
	/* cppcheck-suppress resourceLeak */
	return plugin;
}

static int create(struct fake *fake, void **ret_self, struct orch_err *err)
{
	const struct orch_plugin *plugin = fake->plugin;

	if (plugin->input != NULL)
		return plugin->input->create(&fake->host, fake->settings, ret_self, err);
	if (plugin->tool != NULL)
		return plugin->tool->create(&fake->host, fake->settings, ret_self, err);
	return plugin->action->create(&fake->host, fake->settings, ret_self, err);
}

static void destroy(struct fake *fake)
{
	const struct orch_plugin *plugin = fake->plugin;

	if (plugin->input != NULL)
		plugin->input->destroy(fake->self);
	else if (plugin->tool != NULL)
		plugin->tool->destroy(fake->self);
	else
		plugin->action->destroy(fake->self);
	fake->self = NULL;
}

static struct fake *prepare(const char *name, const char *const *options)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->host = services;
	fake->now_ms = 1700000000000u;
	fake->plugin = load(name);
	fake->settings = fake_settings(fake, fake->plugin, options);
	fake_clear(fake);
	return fake;
}

struct fake *fake_open(const char *name, const char *const *options)
{
	struct fake *fake = prepare(name, options);

	if (create(fake, &fake->self, &fake->err) != ORCH_OK)
		fail_msg("%s", fake->err.text);
	return fake;
}

int fake_refuse(const char *name, const char *const *options, struct orch_err *ret_err)
{
	struct fake *fake = prepare(name, options);
	int rc = create(fake, &fake->self, ret_err);

	fake_close(fake);
	return rc;
}

void fake_close(struct fake *fake)
{
	struct kept *kept = fake->memory;

	destroy(fake);
	if (fake->set != NULL)
		fake->plugin->tool->release(fake->set);
	while (kept != NULL) {
		struct kept *next = kept->next;

		free(kept);
		kept = next;
	}
	free(fake);
}

void fake_clear(struct fake *fake)
{
	memset(&fake->sink, 0, sizeof(fake->sink));
	fake->sink.fake = fake;
	fake->progress = (struct orch_progress){ .size = sizeof(fake->progress), .attempt = 1 };
	fake->request_count = 0;
	fake->counted_count = 0;
	fake->alarm_count = 0;
	fake->err.text[0] = '\0';
}

void fake_restart(struct fake *fake)
{
	destroy(fake);
	if (create(fake, &fake->self, &fake->err) != ORCH_OK)
		fail_msg("%s", fake->err.text);
}

int fake_receive(
	struct fake *fake, const char *headers, struct orch_text body, struct orch_answer *answer)
{
	const struct orch_arrival arrival = { .size = sizeof(arrival),
		.transport = ORCH_HTTP,
		.method = fake_text("POST"),
		.path = fake_text("/slack/events"),
		.headers = fake_text(headers),
		.body = body,
		.received_ms = fake->now_ms };
	struct orch_answer own = { .size = sizeof(own) };
	int rc = fake->plugin->input->receive(
		fake->self, &arrival, &fake->sink, answer != NULL ? answer : &own, &fake->err);

	if (rc != ORCH_OK)
		fake->sink.event_count = 0;
	return rc;
}

int fake_receive_signed(struct fake *fake, const char *body, struct orch_answer *answer)
{
	char timestamp[32], mac[68], headers[256];

	(void)snprintf(
		timestamp, sizeof(timestamp), "%llu", (unsigned long long)(fake->now_ms / 1000));
	fake_sign(fake->secrets[1], timestamp, fake_text(body), mac);
	(void)snprintf(headers, sizeof(headers),
		"Content-Type: application/json\nX-Slack-Request-Timestamp: %s\nX-Slack-Signature: "
		"%s\n",
		timestamp, mac);
	return fake_receive(fake, headers, fake_text(body), answer);
}

static void keep_request(struct fake *fake, const struct orch_request *request)
{
	struct fake_request *kept = &fake->requests[fake->request_count++];

	assert_true(fake->request_count < FAKE_REQUESTS);
	kept->method = fake_keep(fake, request->method);
	kept->url = fake_keep(fake, request->url);
	kept->headers = fake_keep(fake, request->headers);
	kept->body = fake_keep(fake, request->body);
	kept->limit_key = fake_keep(fake, request->limit_key);
	kept->part = fake_keep(fake, request->part);
	kept->credential = request->credential;
	kept->max_bytes = request->max_bytes;
	kept->repeatable = request->repeatable;
}

static const struct fake_reply *next_reply(struct fake *fake)
{
	const struct fake_reply *reply = &fake->replies[fake->reply_at++];
	const struct fake_request *request = &fake->requests[fake->request_count - 1];

	if (reply->url == NULL)
		fail_msg("nobody expected %s %s %s", request->method, request->url, request->body);
	if (strstr(request->url, reply->url) == NULL)
		fail_msg("%s was expected, but %s came", reply->url, request->url);
	return reply;
}

static void fill_reply(const struct fake_reply *given, struct orch_reply *reply)
{
	*reply = (struct orch_reply){ .size = sizeof(*reply),
		.status = given->status,
		.headers = fake_text(given->headers == NULL ? "" : given->headers),
		.body = fake_text(given->body == NULL ? "" : given->body),
		.problem = fake_text(given->problem != NULL ? given->problem
				: given->status == 0        ? "connection refused"
							    : ""),
		.truncated = given->truncated };
	reply->part_bytes = given->part_bytes != 0 ? given->part_bytes : reply->body.len;
}

typedef int enter_hook(struct fake *fake, const void *what, const struct orch_reply *reply,
	struct orch_request *request);

static int run(
	struct fake *fake, const void *what, const struct fake_reply *script, enter_hook *enter)
{
	const struct orch_reply *reply = NULL;
	struct orch_reply filled;

	fake->replies = script;
	fake->reply_at = 0;
	for (;;) {
		struct orch_request request = { .size = sizeof(request) };
		const struct fake_reply *given;
		int rc = enter(fake, what, reply, &request);

		if (rc != ORCH_SEND) {
			if (rc == ORCH_OK && script[fake->reply_at].url != NULL)
				fail_msg("%s was expected too", script[fake->reply_at].url);
			return rc;
		}
		keep_request(fake, &request);
		given = next_reply(fake);
		if (given->lost) { /* only step and memo survive */
			fake_restart(fake);
			fake->progress.resumed = true;
			reply = NULL;
			continue;
		}
		fill_reply(given, &filled);
		reply = &filled;
	}
}

static int enter_gather(struct fake *fake, const void *what, const struct orch_reply *reply,
	struct orch_request *request)
{
	return fake->plugin->input->gather(
		fake->self, what, &fake->progress, reply, request, &fake->sink, &fake->err);
}

int fake_gather(struct fake *fake, const struct orch_event *event, const struct fake_reply *script)
{
	return run(fake, event, script, enter_gather);
}

static int enter_act(struct fake *fake, const void *what, const struct orch_reply *reply,
	struct orch_request *request)
{
	int code = ORCH_OK;

	return fake->plugin->action->act(fake->self, what, 1, &fake->progress, reply, request,
		&fake->sink, &code, &fake->err);
}

int fake_act(struct fake *fake, const struct orch_task *task, const struct fake_reply *script)
{
	fake->sink.task = task;
	return run(fake, task, script, enter_act);
}

int fake_compile(struct fake *fake, const struct orch_rule *rules, size_t count, size_t *ret_bad)
{
	void *set = NULL;
	int rc = fake->plugin->tool->compile(
		&fake->host, fake->settings, rules, count, &set, ret_bad, &fake->err);

	if (rc != ORCH_OK)
		return rc;
	if (fake->set != NULL)
		fake->plugin->tool->release(fake->set);
	fake->set = set;
	return rc;
}

int fake_scan_parts(struct fake *fake, const struct orch_part *parts, size_t count)
{
	const struct orch_event event = {
		.size = sizeof(event), .parts = parts, .part_count = count, .data = { "", 0 }
	};
	struct orch_request request = { .size = sizeof(request) };

	return fake->plugin->tool->scan(fake->self, fake->set, &event, &fake->progress, NULL,
		&request, &fake->sink, &fake->err);
}

int fake_scan(struct fake *fake, struct orch_text text)
{
	const struct orch_part part = {
		.name = { "text", 4 }, .media_type = { "", 0 }, .bytes = text, .note = { "", 0 }
	};

	return fake_scan_parts(fake, &part, 1);
}

const struct orch_part *fake_find_part(const struct orch_event *event, const char *name)
{
	for (size_t i = 0; i < event->part_count; i++) {
		if (strcmp(event->parts[i].name.ptr, name) == 0)
			return &event->parts[i];
	}
	return NULL;
}

const char *fake_part(const struct orch_event *event, const char *name)
{
	const struct orch_part *part = fake_find_part(event, name);

	return part == NULL ? NULL : part->bytes.ptr;
}

const char *fake_field(const struct orch_event *event, const char *name)
{
	for (size_t i = 0; i < event->field_count; i++) {
		if (strcmp(event->fields[i].name.ptr, name) == 0)
			return event->fields[i].value.ptr;
	}
	return NULL;
}

bool fake_counted(const struct fake *fake, const char *metric)
{
	for (size_t i = 0; i < fake->counted_count; i++) {
		if (strcmp(fake->counted[i], metric) == 0)
			return true;
	}
	return false;
}

bool fake_alarmed(const struct fake *fake, const char *name)
{
	for (size_t i = 0; i < fake->alarm_count; i++) {
		if (strcmp(fake->alarms[i], name) == 0)
			return true;
	}
	return false;
}

const char *fake_note(const struct fake *fake, const char *part, uint32_t state)
{
	for (size_t i = 0; i < fake->sink.mark_count; i++) {
		if (strcmp(fake->sink.marks[i].part, part) == 0 &&
			fake->sink.marks[i].state == state)
			return fake->sink.marks[i].note;
	}
	return NULL;
}
