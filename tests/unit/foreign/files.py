"""Files in the formats of other tools, written by us after their sources: none was made by the tool itself."""

from __future__ import annotations

from typing import Any

EPOCH = 1_760_000_000.0


def guidellm(*, slow: int = 0, failed: int = 0, cut_off: int = 0, sampled: bool = False) -> dict[str, Any]:
    """benchmarks.json of one constant benchmark: 400 requests at 50/s, each sent 1 ms late and answered after 40."""

    def request(number: int, latency: float, error: str | None = None) -> dict[str, Any]:
        due = EPOCH + number / 50
        timings = {
            "targeted_start": due,
            "queued": due - 0.01,
            "dequeued": due - 0.005,
            "resolve_start": due + 0.0005,
            "request_start": due + 0.001,
            "first_token_iteration": due + 0.01,
            "last_token_iteration": due + latency - 0.001,
            "token_iterations": 16,
            "request_end": due + latency,
            "resolve_end": due + latency + 0.0005,
            "finalized": due + latency + 0.001,
        }
        status = "errored" if error else "completed"
        return {
            "type_": "generative_request_stats",
            "request_id": f"r{number}",
            "output": "…",
            "info": {"request_id": f"r{number}", "status": status, "timings": timings, "error": error},
            "request_latency": latency - 0.001,
        }

    good = 400 - failed - cut_off
    answered = [request(n, 2.0 if n < slow else 0.04) for n in range(good)]
    errored = [request(good + n, 0.02, "HTTP Error 503: overloaded") for n in range(failed)]
    incomplete = [request(good + failed + n, 0.03) for n in range(cut_off)]
    distribution = {
        "mean": 0.04,
        "max": 0.05,
        "count": good,
        "percentiles": {"p50": 0.04, "p95": 0.045, "p99": 0.05},
    }
    return {
        "metadata": {"version": 1, "guidellm_version": "0.5.0"},
        "args": {"target": "http://localhost:8000", "profile": "constant", "rate": [50]},
        "benchmarks": [
            {
                "type_": "generative_benchmark",
                "config": {"strategy": {"type_": "constant", "rate": 50.0}},
                "duration": 8.0,
                "metrics": {
                    "request_totals": {
                        "successful": good,
                        "errored": failed,
                        "incomplete": cut_off,
                        "total": 400,
                    },
                    "request_latency": {"successful": distribution},
                },
                "requests": {
                    "successful": answered[:10] if sampled else answered,
                    "errored": errored,
                    "incomplete": incomplete,
                    "total": None,
                },
            }
        ],
    }


def inference_perf_requests(*, slow: int = 0, failed: int = 0) -> list[dict[str, Any]]:
    """per_request_lifecycle_metrics.json of 400 requests, sent 20 ms apart."""

    def request(number: int) -> dict[str, Any]:
        sent = 5000.25 + number * 0.02
        error = {"error_type": "ServerTimeoutError", "error_msg": "Timeout on reading data"}
        return {
            "start_time": sent,
            "end_time": sent + (2.0 if number < slow else 0.04),
            "request": "{}",
            "response": "…",
            "info": {"request_metrics": {"text": {"input_tokens": 12}}, "response_metrics": None},
            "error": error if number >= 400 - failed else None,
        }

    return [request(number) for number in range(400)]


def inference_perf_stage() -> dict[str, Any]:
    """stage_0_lifecycle_metrics.json of the same."""
    latency = {
        "mean": 0.041,
        "min": 0.04,
        "p10": 0.04,
        "median": 0.04,
        "p90": 0.041,
        "p99": 0.05,
        "max": 0.06,
    }
    return {
        "benchmark_time_seconds": 8.02,
        "load_summary": {
            "count": 400,
            "schedule_delay": {"mean": 0.001, "median": 0.001, "p99": 0.002},
            "send_duration": 7.98,
            "requested_rate": 50.0,
            "achieved_rate": 50.1,
        },
        "successes": {"count": 398, "latency": {"request_latency": latency}},
        "failures": {"count": 2, "request_latency": None, "by_label": {}},
    }


def aiperf_lines(*, slow: int = 0, failed: int = 0, issued: bool = True) -> list[dict[str, Any]]:
    """profile_export.jsonl: 20 requests to warm up and 400 to judge, 20 ms apart."""

    def line(number: int, phase: str) -> dict[str, Any]:
        due = int(EPOCH * 1e9) + number * 20_000_000
        bad = phase == "profiling" and number >= 420 - failed
        late = 2_000_000_000 if phase == "profiling" and number - 20 < slow else 40_000_000
        return {
            "metadata": {
                "session_num": number,
                "x_request_id": f"r{number}",
                **({"credit_issued_ns": due} if issued else {}),
                "request_start_ns": due + 1_000_000,
                "request_ack_ns": None,
                "request_end_ns": due + late,
                "worker_id": "worker_1",
                "record_processor_id": "record_processor_1",
                "benchmark_phase": phase,
                "was_cancelled": False,
                "cancellation_time_ns": None,
            },
            "metrics": {"request_latency": {"value": late / 1e6, "unit": "ms"}},
            "error": {"code": 502, "type": "HTTPError", "message": "Bad Gateway"} if bad else None,
        }

    return [*(line(n, "warmup") for n in range(20)), *(line(n, "profiling") for n in range(20, 420))]


def aiperf_summary() -> dict[str, Any]:
    """profile_export_aiperf.json of the same."""
    return {
        "schema_version": "1.0",
        "aiperf_version": "0.8.0",
        "request_latency": {
            "unit": "ms",
            "avg": 41.0,
            "p50": 40.0,
            "p90": 41.0,
            "p95": 44.0,
            "p99": 50.0,
            "max": 60.0,
        },
        "request_count": {"unit": "requests", "avg": 398.0},
        "error_request_count": {"unit": "requests", "avg": 2.0},
        "benchmark_duration": {"unit": "sec", "avg": 8.0},
    }
