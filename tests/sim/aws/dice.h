/* SPDX-License-Identifier: Apache-2.0 */
/* Chance that repeats itself: the same seed, the same throws. */
#ifndef AWS_DICE_H
#define AWS_DICE_H
#include <orch/abi.h>

struct aws_dice {
	uint64_t state;
};

/* SplitMix64 */
static inline uint64_t aws_dice_throw(struct aws_dice *dice)
{
	uint64_t z = (dice->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* BOUND > 0 */
static inline uint64_t aws_dice_below(struct aws_dice *dice, uint64_t bound)
{
	return aws_dice_throw(dice) % bound;
}

#endif
