/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read by cppcheck before each file: macros of system headers, which it does
 * not read, said in words that it understands.
 */
#define TAILQ_HEAD(name, type)      \
	struct name {               \
		struct type *first; \
		struct type **last; \
	}
#define TAILQ_ENTRY(type)           \
	struct {                    \
		struct type *next;  \
		struct type **prev; \
	}
#define TAILQ_FOREACH(var, head, field) \
	for ((var) = (head)->first; (var); (var) = (var)->field.next)
#define TAILQ_FOREACH_REVERSE(var, head, name, field) TAILQ_FOREACH(var, head, field)
#define TAILQ_LAST(head, name) ((head)->first)
#define TAILQ_PREV(element, name, field) ((element)->field.next)
#define TAILQ_FIRST(head) ((head)->first)
#define TAILQ_NEXT(element, field) ((element)->field.next)
#define TAILQ_EMPTY(head) ((head)->first == 0)

#define LIST_HEAD(name, type)       \
	struct name {               \
		struct type *first; \
	}
#define LIST_ENTRY(type)            \
	struct {                    \
		struct type *next;  \
		struct type **prev; \
	}
#define LIST_FOREACH(var, head, field) for ((var) = (head)->first; (var); (var) = (var)->field.next)
#define LIST_FIRST(head) ((head)->first)
#define LIST_NEXT(element, field) ((element)->field.next)
#define LIST_EMPTY(head) ((head)->first == 0)

#define STAILQ_HEAD(name, type) TAILQ_HEAD(name, type)
#define STAILQ_ENTRY(type) TAILQ_ENTRY(type)
#define STAILQ_FOREACH(var, head, field) TAILQ_FOREACH(var, head, field)
#define STAILQ_FIRST(head) ((head)->first)
#define STAILQ_NEXT(element, field) ((element)->field.next)
#define STAILQ_EMPTY(head) ((head)->first == 0)

#define json_object_object_foreach(object, key, value) \
	char *key;                                     \
	struct json_object *value;                     \
	while (next_member(object, &key, &value))
