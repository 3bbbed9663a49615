/* SPDX-License-Identifier: Apache-2.0 */
/* Events as Slack tells of them, for the input's tests. */
#ifndef FAKE_MESSAGE_H
#define FAKE_MESSAGE_H
#include "fake_host.h"

/* Receives a message event with these MEMBERS, signed; gives the one event that comes of it, NULL: none. */
const struct orch_event *fake_message(struct fake *fake, const char *members);

/* The same with the whole inner EVENT, of whatever type. */
const struct orch_event *fake_event(struct fake *fake, const char *event);

/* The same with a message that shares one file, F1, with these MEMBERS; MORE is the message's. */
const struct orch_event *fake_share(struct fake *fake, const char *members, const char *more);

#endif
