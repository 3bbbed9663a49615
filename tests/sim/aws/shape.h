/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that say the same in another shape. */
#ifndef AWS_SHAPE_H
#define AWS_SHAPE_H
#include "sim/aws/call.h"

/* If a fault says so: lists in another order, empty ones left out, members that nobody knows. */
void aws_shape_mishap(struct aws_call *call);

#endif
