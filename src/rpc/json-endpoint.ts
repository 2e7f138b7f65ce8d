/**
 * The pure part of `/json`: the same question and answer as ShouldRateLimit, in protobuf's JSON
 * form.
 *
 * The body is turned into the message's bytes and from there on it is a ShouldRateLimit call:
 * codec, checks and decision are the same, so the two cannot answer differently. As the reference
 * it answers 400 for whatever the service refuses, the store's failures included, and 429 for
 * OVER_LIMIT.
 */
import { fromBinary, fromJson, type JsonValue, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { Answer } from '../core/verdict/answer.ts';
import { Code } from '../core/verdict/answer.ts';
import {
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from '../gen/envoy/service/ratelimit/v3/rls_pb.ts';
import type { DecisionFailure } from '../limiter/decide.ts';
import { encodeRateLimitResponse } from '../wire/rls/encode-response.ts';
import { jsonCountFault } from './count-guard.ts';
import type { RpcObserver } from './rpc-observer.ts';
import { decodeWithin, type RateLimitParts } from './should-rate-limit.ts';

export interface JsonAnswer {
  readonly status: 200 | 400 | 429 | 500;
  readonly contentType: string;
  readonly body: string;
  /**
   * Why it is no decision; '' when it is one. The body cannot say it: its text is the reference's.
   */
  readonly reason: string;
}

const TEXT_TYPE = 'text/plain; charset=utf-8';

/** Answers one body. It never rejects. */
export function answerJson(body: string, parts: RateLimitParts): Promise<JsonAnswer> {
  const { decider, bounds, observer } = parts;
  let bytes: Uint8Array;
  try {
    const json = JSON.parse(body) as JsonValue;
    const tooMany = jsonCountFault(json, bounds);
    if (tooMany !== null) return Promise.resolve(refused(tooMany.text, observer));
    bytes = toBinary(RateLimitRequestSchema, fromJson(RateLimitRequestSchema, json));
  } catch (error) {
    return Promise.resolve(badRequest((error as Error).message));
  }
  return new Promise((resolve) => {
    const abandon = (error: unknown): void => {
      observer.internalError(error);
      resolve(serverError('internal error'));
    };
    try {
      const request = decodeWithin(bytes, bounds);
      if ('status' in request) {
        resolve(refused(request.text, observer));
        return;
      }
      decider.decide(request, {
        deadlineMs: 0,
        requestId: '',
        decided: (answer) => {
          try {
            resolve(answered(answer));
          } catch (error) {
            abandon(error);
          }
        },
        broke: abandon,
        failed: (failure: DecisionFailure) => {
          if (failure.kind === 'store') observer.storeError();
          else observer.serviceError();
          resolve(badRequest(failure.text));
        },
      });
    } catch (error) {
      abandon(error);
    }
  });
}

function answered(answer: Answer): JsonAnswer {
  const message = fromBinary(RateLimitResponseSchema, encodeRateLimitResponse(answer));
  return {
    status: httpStatus(answer.overallCode),
    contentType: 'application/json',
    body: toJsonString(RateLimitResponseSchema, message),
    reason: '',
  };
}

function httpStatus(code: Code): 200 | 429 | 500 {
  if (code === Code.OK) return 200;
  return code === Code.OVER_LIMIT ? 429 : 500;
}

function refused(reason: string, observer: RpcObserver): JsonAnswer {
  observer.serviceError();
  return badRequest(reason);
}

function badRequest(reason: string): JsonAnswer {
  return { status: 400, contentType: TEXT_TYPE, body: 'Bad Request\n', reason };
}

function serverError(reason: string): JsonAnswer {
  return { status: 500, contentType: TEXT_TYPE, body: 'Internal Server Error\n', reason };
}
