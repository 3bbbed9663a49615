/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our queues in SQS: found, or made if the configuration says so, and looked
 * over.  One that is not there is asked for again until it is: nothing is
 * dropped meanwhile, since the books hold it all.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"
#include "queue/sqs.h"

#define RETRY_BASE_MS 500
#define RETRY_DOUBLINGS 4
#define PASSED_MS 25000       /* of a use that has failed no more: nobody needs it any more */
#define STUMBLES 2            /* of a network, that are no matter for an alarm */
#define MISSING_WAIT_MS 10000 /* SQS lets a name rest for a minute after a deletion */
#define REQUEST_BYTES 8192
#define RETENTION_S (14 * 24 * 3600)
#define DAY_S (24 * 3600)
#define MORE_RECEIVES 10 /* of SQS's own policy: ours comes first */
#define MOST_RECEIVES 1000
#define ARN_BYTES 512

enum step { FIND_DEAD = 0, MAKE_DEAD, LOOK_DEAD, FIND, MAKE, LOOK };

struct orch_sqs_settling {
	struct orch_aws_call call;
	struct orch_sqs_name *name;
	enum step step;
	char url[ORCH_SQS_URL_BYTES], dead_url[ORCH_SQS_URL_BYTES], dead_arn[ARN_BYTES];
	char body[REQUEST_BYTES];
};

static void go_on(struct orch_sqs_settling *settling);

static const struct orch_sqs_settings *settings_of(const struct orch_sqs_settling *settling)
{
	return &settling->name->queue->settings;
}

static bool is_about_dead(enum step step)
{
	return step <= LOOK_DEAD;
}

static const char *sqs_name_of(const struct orch_sqs_settling *settling)
{
	return is_about_dead(settling->step) ? settling->name->dead_name : settling->name->sqs_name;
}

static void log_trouble(const struct orch_sqs_name *name, const char *trouble)
{
	if (trouble[0] != '\0')
		orch_log(ORCH_LOG_ALERT, "queue.missing", ORCH_LOG_STRING("queue", name->sqs_name),
			ORCH_LOG_STRING("error", trouble));
	else
		orch_log(ORCH_LOG_INFO, "queue.ready", ORCH_LOG_STRING("queue", name->sqs_name),
			ORCH_LOG_STRING("url", name->url));
}

/* TROUBLE empty: it is over. */
static void set_trouble(struct orch_sqs_name *name, unsigned use, const char *trouble)
{
	char *place = name->troubles[use];
	bool is_new;

	pthread_mutex_lock(&name->queue->mutex);
	is_new = strncmp(place, trouble, ORCH_SQS_TROUBLE_BYTES - 1) != 0;
	(void)snprintf(place, ORCH_SQS_TROUBLE_BYTES, "%s", trouble);
	if (trouble[0] != '\0')
		atomic_fetch_or(&name->troubled, 1u << use);
	else
		atomic_fetch_and(&name->troubled, ~(1u << use));
	pthread_mutex_unlock(&name->queue->mutex);
	if (is_new)
		log_trouble(name, trouble);
}

bool orch_sqs_name_has_trouble(struct orch_sqs_name *name, struct orch_err *err)
{
	bool has = false;

	if (atomic_load(&name->troubled) == 0)
		return false;
	pthread_mutex_lock(&name->queue->mutex);
	for (unsigned use = ORCH_SQS_USES; use-- > 0 && !has;) {
		has = name->troubles[use][0] != '\0';
		if (has)
			(void)orch_fail(err, ORCH_E_AGAIN, "%s", name->troubles[use]);
	}
	pthread_mutex_unlock(&name->queue->mutex);
	return has;
}

static bool is_missing(const struct orch_aws_call *call)
{
	return strcmp(call->error, "QueueDoesNotExist") == 0 ||
		strcmp(call->error, "AWS.SimpleQueueService.NonExistentQueue") == 0;
}

/* Somebody must see to it, or it has gone wrong for a while. */
static bool does_last(const struct orch_aws_call *call, unsigned failures)
{
	return call->failure == ORCH_AWS_SETTING ||
		(failures > STUMBLES &&
			(call->failure == ORCH_AWS_CREDENTIALS ||
				call->failure == ORCH_AWS_TRANSIENT));
}

static void write_trouble(
	const char *queue, const struct orch_aws_call *call, char ret[ORCH_SQS_TROUBLE_BYTES])
{
	bool says_code = strstr(call->err.text, call->error) != NULL;

	(void)snprintf(ret, ORCH_SQS_TROUBLE_BYTES, "queue %.80s cannot be used: %.110s%s%.32s%s",
		queue, call->err.text, says_code ? "" : " (", says_code ? "" : call->error,
		says_code ? "" : ")");
}

/* That it is missing is found out, and said, by those who look for it. */
void orch_sqs_name_note(struct orch_sqs_name *name, unsigned use, const struct orch_aws_call *call,
	unsigned failures)
{
	char trouble[ORCH_SQS_TROUBLE_BYTES] = "";

	orch_sqs_silence_note(name->queue, call);
	if (call->failure != ORCH_AWS_FINE)
		atomic_store(&name->failed_ms[use], orch_clock_mono_ms());
	if (call->failure == ORCH_AWS_SETTING || call->failure == ORCH_AWS_CREDENTIALS)
		atomic_store(&name->is_doubted, true);
	if (call->failure == ORCH_AWS_FINE) {
		if ((atomic_load(&name->troubled) & (1u << use)) != 0)
			set_trouble(name, use, "");
	} else if (!is_missing(call) && does_last(call, failures)) {
		write_trouble(
			use == ORCH_SQS_ASIDE ? name->dead_name : name->sqs_name, call, trouble);
		set_trouble(name, use, trouble);
	}
}

static void end_settling(struct orch_sqs_settling *settling, uint64_t again_ms)
{
	struct orch_sqs_name *name = settling->name;

	name->due_ms = again_ms == 0 ? 0 : orch_clock_mono_ms() + again_ms;
	name->settling = NULL;
	orch_free(settling);
}

static void fail(struct orch_sqs_settling *settling)
{
	struct orch_sqs_name *name = settling->name;
	const struct orch_aws_call *call = &settling->call;
	const char *queue = sqs_name_of(settling);
	uint64_t most = (uint64_t)RETRY_BASE_MS
		<< (name->failures < RETRY_DOUBLINGS ? name->failures : RETRY_DOUBLINGS);
	struct orch_text region = orch_aws_region(name->queue->aws);
	char trouble[ORCH_SQS_TROUBLE_BYTES];

	name->failures++;
	if (is_missing(call))
		(void)snprintf(trouble, sizeof(trouble),
			"there is no queue %s in %.*s; create it, or set queue.create = true",
			queue, ORCH_TEXT_ARG(region));
	else
		write_trouble(queue, call, trouble);
	if (does_last(call, name->failures))
		set_trouble(name, ORCH_SQS_SETTLE, trouble);
	if (call->failure == ORCH_AWS_SETTING)
		most = MISSING_WAIT_MS;
	end_settling(settling, 1 + most / 2 + orch_random_below(most / 2));
}

static bool take_url(const struct orch_aws_call *call, char ret[ORCH_SQS_URL_BYTES])
{
	struct orch_text url = orch_json_text(call->json, "QueueUrl");

	if (url.len > 0 && url.len < ORCH_SQS_URL_BYTES)
		(void)snprintf(ret, ORCH_SQS_URL_BYTES, "%.*s", ORCH_TEXT_ARG(url));
	return ret[0] != '\0';
}

ORCH_PRINTF(2, 3)
static void complain(const struct orch_sqs_settling *settling, const char *fmt, ...)
{
	char sentence[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	orch_log(ORCH_LOG_WARN, "queue.setting", ORCH_LOG_STRING("queue", sqs_name_of(settling)),
		ORCH_LOG_STRING("what", sentence));
}

static uint64_t number(struct json_object *attributes, const char *key)
{
	uint64_t value = 0;

	(void)orch_text_to_uint(orch_json_text(attributes, key), 0, UINT64_MAX, &value);
	return value;
}

static void look_at_redrive(struct orch_sqs_settling *settling, struct json_object *attributes)
{
	struct orch_text text = orch_json_text(attributes, "RedrivePolicy");
	struct json_object *policy = NULL;
	uint64_t ours = settings_of(settling)->receives;
	struct orch_err err;
	int64_t most = 0;

	if (text.len == 0 || orch_json_parse(text, &policy, &err) != ORCH_OK) {
		complain(settling,
			"it has no redrive policy; give it one with the target %s, for what brings "
			"processes down before it can be counted",
			settling->name->dead_name);
		return;
	}
	/* SQS gives the number now as a number, now as a text. */
	most = orch_json_int(policy, "maxReceiveCount", (int64_t)number(policy, "maxReceiveCount"));
	json_object_put(policy);
	if (most > 0 && (uint64_t)most <= ours && ours < MOST_RECEIVES)
		complain(settling,
			"its maxReceiveCount is %lld and queue.receives is %llu; must be greater, "
			"else SQS sets messages aside without a reason before we do it with one",
			(long long)most, (unsigned long long)ours);
}

static void look_at(struct orch_sqs_settling *settling, struct json_object *attributes)
{
	const struct orch_sqs_settings *settings = settings_of(settling);
	uint64_t visibility = number(attributes, "VisibilityTimeout");
	uint64_t retention = number(attributes, "MessageRetentionPeriod");
	uint64_t size = number(attributes, "MaximumMessageSize");
	uint64_t wanted = settings->sqs.inline_bytes / 3 * 4 + 4096;

	if (visibility > 0 && visibility * 1000 > 2 * settings->lease_ms)
		complain(settling,
			"its visibility timeout is %llu s and queue.visibility is %llu s; the "
			"latter "
			"counts for us, the former for other consumers",
			(unsigned long long)visibility,
			(unsigned long long)settings->lease_ms / 1000);
	if (retention > 0 && retention < DAY_S)
		complain(settling,
			"it keeps messages for %llu s only; set at least a day, so that they "
			"outlast "
			"an outage",
			(unsigned long long)retention);
	if (size > 0 && size < wanted)
		complain(settling,
			"its messages may have %llu bytes; set %llu or more, or queue.inline to "
			"less",
			(unsigned long long)size, (unsigned long long)wanted);
	look_at_redrive(settling, attributes);
}

static void look_dead(struct orch_sqs_settling *settling)
{
	struct json_object *attributes = orch_json_get(settling->call.json, "Attributes");
	struct orch_text arn = orch_json_text(attributes, "QueueArn");
	uint64_t retention = number(attributes, "MessageRetentionPeriod");

	(void)snprintf(settling->dead_arn, sizeof(settling->dead_arn), "%.*s", ORCH_TEXT_ARG(arn));
	if (retention > 0 && retention < RETENTION_S)
		complain(settling,
			"it keeps dead letters for %llu s only; set %d, the most that SQS knows",
			(unsigned long long)retention, RETENTION_S);
}

static void finish(struct orch_sqs_settling *settling)
{
	struct orch_sqs_name *name = settling->name;

	look_at(settling, orch_json_get(settling->call.json, "Attributes"));
	/* Others read the URLs as soon as they are known, so they are written once. */
	if (!atomic_load(&name->is_known)) {
		memcpy(name->url, settling->url, sizeof(name->url));
		memcpy(name->dead_url, settling->dead_url, sizeof(name->dead_url));
		atomic_store(&name->is_known, true);
	}
	atomic_store(&name->is_doubted, false);
	name->failures = 0;
	set_trouble(name, ORCH_SQS_SETTLE, "");
	end_settling(settling, 0);
}

static void on_answer(struct orch_aws_call *call)
{
	struct orch_sqs_settling *settling = call->user;
	bool finds = settling->step == FIND_DEAD || settling->step == FIND;
	bool is_fine = call->failure == ORCH_AWS_FINE;

	orch_sqs_silence_note(settling->name->queue, call);
	if (!is_fine && !(finds && is_missing(call) && settings_of(settling)->sqs.create)) {
		fail(settling);
		return;
	}
	if (settling->step == MAKE_DEAD || settling->step == MAKE)
		orch_log(ORCH_LOG_INFO, "queue.created",
			ORCH_LOG_STRING("queue", sqs_name_of(settling)));
	switch (settling->step) {
	case FIND_DEAD:
	case MAKE_DEAD:
		settling->step =
			is_fine && take_url(call, settling->dead_url) ? LOOK_DEAD : MAKE_DEAD;
		break;
	case LOOK_DEAD:
		look_dead(settling);
		settling->step = FIND;
		break;
	case FIND:
	case MAKE:
		settling->step = is_fine && take_url(call, settling->url) ? LOOK : MAKE;
		break;
	case LOOK:
		finish(settling);
		return;
	}
	go_on(settling);
}

static void write_make(struct orch_buf *buf, const struct orch_sqs_settling *settling)
{
	const struct orch_sqs_settings *settings = settings_of(settling);
	uint64_t receives = settings->receives + MORE_RECEIVES;

	orch_buf_printf(buf,
		"{\"QueueName\":\"%s\",\"Attributes\":{\"MessageRetentionPeriod\":\"%d\"",
		sqs_name_of(settling), RETENTION_S);
	if (!is_about_dead(settling->step))
		orch_buf_printf(buf,
			",\"VisibilityTimeout\":\"%llu\",\"RedrivePolicy\":"
			"\"{\\\"deadLetterTargetArn\\\":\\\"%s\\\",\\\"maxReceiveCount\\\":%llu}\"",
			(unsigned long long)(settings->lease_ms + 999) / 1000, settling->dead_arn,
			(unsigned long long)(receives < MOST_RECEIVES ? receives : MOST_RECEIVES));
	orch_buf_add_string(buf, "}}");
}

static const char *write_request(struct orch_buf *buf, const struct orch_sqs_settling *settling)
{
	switch (settling->step) {
	case FIND_DEAD:
	case FIND:
		orch_buf_printf(buf, "{\"QueueName\":\"%s\"}", sqs_name_of(settling));
		return "GetQueueUrl";
	case MAKE_DEAD:
	case MAKE:
		write_make(buf, settling);
		return "CreateQueue";
	default:
		break;
	}
	orch_buf_add_string(buf, "{\"QueueUrl\":");
	orch_buf_add_json(buf,
		orch_text_from(settling->step == LOOK_DEAD ? settling->dead_url : settling->url));
	orch_buf_add_string(buf, ",\"AttributeNames\":[\"All\"]}");
	return "GetQueueAttributes";
}

static void go_on(struct orch_sqs_settling *settling)
{
	struct orch_buf buf;
	const char *action;

	orch_buf_init(&buf, sizeof(settling->body) - 1);
	action = write_request(&buf, settling);
	(void)snprintf(settling->body, sizeof(settling->body), "%s", buf.failed ? "{}" : buf.ptr);
	orch_buf_fini(&buf);
	settling->call = (struct orch_aws_call){
		.action = action,
		.body = orch_text_from(settling->body),
		.done = on_answer,
		.user = settling,
	};
	orch_aws_call(settling->name->queue->home->client, &settling->call);
}

/* Entries that have run out are not tried until they succeed. */
static void forget_passed(struct orch_sqs_name *name)
{
	uint64_t now = orch_clock_mono_ms();

	for (unsigned use = 0; use < ORCH_SQS_SETTLE; use++)
		if ((atomic_load(&name->troubled) & (1u << use)) != 0 &&
			now >= atomic_load(&name->failed_ms[use]) + PASSED_MS)
			set_trouble(name, use, "");
}

void orch_sqs_name_tend(struct orch_sqs_name *name)
{
	bool wanted = !atomic_load(&name->is_known) || atomic_load(&name->is_doubted);
	struct orch_sqs_settling *settling;

	forget_passed(name);
	if (!wanted || name->settling != NULL || orch_clock_mono_ms() < name->due_ms)
		return;
	settling = orch_alloc(sizeof(*settling));
	if (settling == NULL)
		return;
	settling->name = name;
	settling->step = FIND_DEAD;
	name->settling = settling;
	go_on(settling);
}

/* SQS knows no dots. */
static void make_sqs_name(const struct orch_queue_sqs *queue, struct orch_sqs_name *name)
{
	struct orch_text prefix = queue->settings.sqs.prefix;

	(void)snprintf(name->sqs_name, sizeof(name->sqs_name), "%.*s%s", ORCH_TEXT_ARG(prefix),
		name->name);
	for (char *at = name->sqs_name; *at != '\0'; at++)
		if (*at == '.')
			*at = '-';
	(void)snprintf(name->dead_name, sizeof(name->dead_name), "%.75s-dead", name->sqs_name);
}

static struct orch_sqs_name *find(const struct orch_queue_sqs *queue, struct orch_text text)
{
	for (size_t i = 0; i < queue->name_count; i++)
		if (orch_text_is(text, queue->names[i]->name))
			return queue->names[i];
	return NULL;
}

static struct orch_sqs_name *make(struct orch_queue_sqs *queue, struct orch_text text)
{
	struct orch_sqs_name *name;

	if (queue->name_count == ORCH_SQS_QUEUES || text.len >= ORCH_QUEUE_NAME_BYTES)
		return NULL;
	name = orch_alloc(sizeof(*name));
	if (name == NULL)
		return NULL;
	name->queue = queue;
	(void)snprintf(name->name, sizeof(name->name), "%.*s", ORCH_TEXT_ARG(text));
	make_sqs_name(queue, name);
	queue->names[queue->name_count++] = name;
	return name;
}

struct orch_sqs_name *orch_sqs_name_get(struct orch_queue_sqs *queue, struct orch_text text)
{
	struct orch_sqs_name *name;

	pthread_mutex_lock(&queue->mutex);
	name = find(queue, text);
	if (name == NULL)
		name = make(queue, text);
	pthread_mutex_unlock(&queue->mutex);
	return name;
}

size_t orch_sqs_names(
	struct orch_queue_sqs *queue, struct orch_sqs_name *ret_names[ORCH_SQS_QUEUES])
{
	size_t count;

	pthread_mutex_lock(&queue->mutex);
	count = queue->name_count;
	memcpy(ret_names, queue->names, count * sizeof(*ret_names));
	pthread_mutex_unlock(&queue->mutex);
	return count;
}

void orch_sqs_name_free(struct orch_sqs_name *name)
{
	if (name->settling != NULL) {
		orch_aws_cancel(&name->settling->call);
		orch_free(name->settling);
	}
	orch_free(name);
}
