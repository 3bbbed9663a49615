/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_message.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

const struct orch_event *fake_message(struct fake *fake, const char *members)
{
	const char *body = fake_json(fake,
		"{'token':'legacy','team_id':'T1','api_app_id':'A1','type':'event_callback',"
		"'event_id':'Ev1','event_time':1700000000,"
		"'authorizations':[{'team_id':'T1','user_id':'UBOT','is_bot':true}],"
		"'event':{'type':'message','channel':'C1','channel_type':'channel',"
		"'event_ts':'1700000000.000200',%s}}",
		members);

	fake_clear(fake);
	assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	assert_true(fake->sink.event_count <= 1);
	return fake->sink.event_count == 0 ? NULL : fake->sink.events[0];
}

const struct orch_event *fake_event(struct fake *fake, const char *event)
{
	const char *body = fake_json(fake,
		"{'team_id':'T1','type':'event_callback','event_id':'Ev1','event':%s}", event);

	fake_clear(fake);
	assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	return fake->sink.event_count == 0 ? NULL : fake->sink.events[0];
}

const struct orch_event *fake_share(struct fake *fake, const char *members, const char *more)
{
	const struct orch_event *event = fake_event(fake,
		fake_json(fake,
			"{'type':'message','subtype':'file_share','channel':'C1','user':'U1','text'"
			":'t',"
			"'ts':'1.1','files':[{'id':'F1'%s}]%s}",
			members, more));

	assert_non_null(event);
	return event;
}
