/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <string.h>

void orch_err_prefix(struct orch_err *err, const char *fmt, ...)
{
	struct orch_err old = *err;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	(void)snprintf(err->text + len, sizeof(err->text) - len, ": ");
	len = strlen(err->text);
	(void)snprintf(err->text + len, sizeof(err->text) - len, "%s", old.text);
}

const char *orch_code_name(int code)
{
	switch (code) {
	case ORCH_OK:
		return "OK";
	case ORCH_SEND:
		return "SEND";
#define X(name, value, text) \
	case value:          \
		return #name;
		ORCH_CODES(X)
#undef X
	default:
		return "UNKNOWN";
	}
}

const char *orch_code_text(int code)
{
	switch (code) {
	case ORCH_OK:
		return "all went well";
	case ORCH_SEND:
		return "a request is to be sent";
#define X(name, value, text) \
	case value:          \
		return text;
		ORCH_CODES(X)
#undef X
	default:
		return "a code that has no meaning";
	}
}

int orch_code_settle(int code, const char *hook, struct orch_err *err)
{
	err->text[sizeof(err->text) - 1] = '\0';
	if (code > 0)
		return orch_fail(
			err, ORCH_E_INTERNAL, "the %s hook gave the unknown code %d", hook, code);
	if (code < 0 && err->text[0] == '\0')
		(void)orch_fail(err, code, "%s", orch_code_text(code));
	return code;
}

const char *orch_errno_text(int number)
{
	const char *text = strerrordesc_np(number);

	return text ? text : "unknown error";
}
