

if __name__ == "__main__":
    if len(sys.argv) != 2:
        stop("give the file to predict for: python predict.py FILE")
    try:
        print(json.dumps(predict(sys.argv[1]), ensure_ascii=False))
    except (OSError, ValueError) as problem:
        stop(f"{sys.argv[1]}: {problem}")
